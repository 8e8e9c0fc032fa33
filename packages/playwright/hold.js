// The command of the `neargate run` that setup.js starts: prints its environment, and runs until it is no longer needed.
'use strict';

process.stdout.write(`${JSON.stringify(process.env)}\n`);
process.stdin.resume();
