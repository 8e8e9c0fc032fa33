// A global setup that starts the stack, unless `neargate run` has: `globalSetup: '@neargate/playwright/setup'`.
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');
const readline = require('node:readline');

module.exports = async function setup(config) {
  if (process.env.NEARGATE_URL) return undefined;
  const program = process.env.NEARGATE ?? 'neargate';
  // The command of this `run` holds the stack for as long as its standard input is open: also when we are killed.
  const run = spawn(program, ['run', '--no-namespace', '--', process.execPath, path.join(__dirname, 'hold.js')], {
    cwd: config.configFile ? path.dirname(config.configFile) : config.rootDir,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve, reject) => {
    run.on('error', (error) => reject(new Error(`${program} cannot be run: ${error.message}`)));
    run.on('exit', resolve);
  });
  const lines = readline.createInterface({ input: run.stdout });
  const variables = await Promise.race([
    new Promise((resolve) => lines.once('line', resolve)),
    ended.then((code) => Promise.reject(new Error(`the stack does not start: neargate run ended with ${code}`))),
  ]);
  // Playwright's workers, which run the tests, get the variables that are set here.
  for (const [name, value] of Object.entries(JSON.parse(variables))) process.env[name] = value;
  return async () => {
    run.stdin.end();
    await ended;
  };
};
