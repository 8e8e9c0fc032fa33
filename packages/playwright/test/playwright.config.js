// Run by tests/it/clients.rs, with a stack in this folder.
module.exports = {
  globalSetup: '@neargate/playwright/setup',
  reporter: [['json', { outputFile: process.env.REPORT }]],
  use: { launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' } },
};
