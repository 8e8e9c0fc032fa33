import type { FullConfig } from '@playwright/test';

/** Starts the stack, unless `neargate run` has; what it returns takes it down. */
export default function setup(config: FullConfig): Promise<undefined | (() => Promise<void>)>;
