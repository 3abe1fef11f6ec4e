import { openGuard } from '../../scripts/process/guard.ts';
import { startProcess } from '../../scripts/process/running-process.ts';

/** Starts a long sleep under a guard, prints its process id and waits to be killed. */
const sleep = await startProcess(
  { name: 'sleep', command: 'sleep', args: ['600'], env: { PATH: process.env.PATH } },
  openGuard(),
);
console.log(sleep.pid);
await sleep.exited;
