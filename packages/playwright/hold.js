// The command of the `neargate run` that setup.js starts: says what it was given, and lasts until nobody needs it.
'use strict';

process.stdout.write(`${JSON.stringify(process.env)}\n`);
process.stdin.resume();
