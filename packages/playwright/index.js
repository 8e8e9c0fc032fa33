// Fixtures: the stack's address as `baseURL`, Chromium's arguments, and the stack's diagnosis of a failure.
'use strict';

const { execFile } = require('node:child_process');
const path = require('node:path');
const base = require('@playwright/test');

/** What a command of neargate's prints, progress and errors included; a report must not fail because of it. */
function neargate(args, cwd) {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 20_000, maxBuffer: 16 * 1024 * 1024 };
    execFile(process.env.NEARGATE ?? 'neargate', ['--color=never', ...args], options, (error, stdout, stderr) => {
      const printed = `${stdout}${stderr}`;
      resolve(printed || (error ? String(error) : 'nothing'));
    });
  });
}

/** The arguments that let Chromium reach and trust the stack; none where `neargate run` is not at work. */
function chromiumArgs() {
  return process.env.NEARGATE_CHROMIUM_ARGS?.split('\n').filter(Boolean) ?? [];
}

const test = base.test.extend({
  baseURL: async ({ baseURL }, use) => use(process.env.NEARGATE_URL ?? baseURL),

  launchOptions: [
    async ({ launchOptions, browserName }, use) => {
      const ours = browserName === 'chromium' ? chromiumArgs() : [];
      await use(ours.length ? { ...launchOptions, args: [...(launchOptions.args ?? []), ...ours] } : launchOptions);
    },
    { scope: 'worker' },
  ],

  neargateReport: [
    async ({}, use, testInfo) => {
      const began = new Date().toISOString();
      await use();
      if (testInfo.status === testInfo.expectedStatus) return;
      const folder = testInfo.config.configFile ? path.dirname(testInfo.config.configFile) : testInfo.config.rootDir;
      for (const [name, args] of [
        ['neargate doctor', ['doctor']],
        ['neargate logs', ['logs', '--timestamps', '--since', began]],
        ['neargate ps', ['ps', '--events']],
      ]) {
        await testInfo.attach(name, { body: await neargate(args, folder), contentType: 'text/plain' });
      }
    },
    { auto: true, title: 'neargate: logs and doctor of a failure' },
  ],
});

module.exports = { test, expect: base.expect, chromiumArgs };
