const { test, expect } = require('@neargate/playwright');

test('passes', async ({ page, baseURL }) => {
  expect(baseURL).toBe(process.env.NEARGATE_URL);
  await page.goto('/');
  expect(await page.evaluate(() => isSecureContext)).toBe(true);
  await expect(page.locator('p')).toHaveText('it-is-the-stack');
});

test('fails', async ({ page }) => {
  await page.goto('/');
  expect(await page.textContent('p')).toBe('something else');
});
