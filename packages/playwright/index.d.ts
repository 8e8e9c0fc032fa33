import type {
  PlaywrightTestArgs,
  PlaywrightTestOptions,
  PlaywrightWorkerArgs,
  PlaywrightWorkerOptions,
  TestType,
} from '@playwright/test';

/** Playwright's `test` with the stack's address as `baseURL`; on failure `doctor`, `logs` and `ps` are attached. */
export const test: TestType<
  PlaywrightTestArgs & PlaywrightTestOptions,
  PlaywrightWorkerArgs & PlaywrightWorkerOptions
>;
export { expect } from '@playwright/test';

/** Arguments for Chromium, for browsers that a test launches by itself. */
export function chromiumArgs(): string[];
