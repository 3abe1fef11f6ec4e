import { readdirSync, readFileSync } from 'node:fs';

/** Of the kernel's accounting, on every Linux. */
const MS_PER_TICK = 10;

interface Accounting {
  readonly parent: number;
  readonly ownMs: number;
  /** Of its children that have ended. */
  readonly childrenMs: number;
}

function readAccounting(path: string): Accounting {
  const stat = readFileSync(path, 'utf8');
  // The name, in parentheses, may have spaces. The parent is field 4; utime, stime, cutime and cstime are fields 14 to 17.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const sumMs = (...at: readonly number[]) => at.reduce((sum, index) => sum + Number(fields[index]), 0) * MS_PER_TICK;
  return { parent: Number(fields[1]), ownMs: sumMs(11, 12), childrenMs: sumMs(13, 14) };
}

/** Processor time of a process so far, user and system, milliseconds. */
export function readCpuMs(pid: number): number {
  return readAccounting(`/proc/${pid}/stat`).ownMs;
}

/** Of the first thread of a process, which runs its event loop, milliseconds. */
export function readEventLoopMs(pid: number): number {
  return readAccounting(`/proc/${pid}/task/${pid}/stat`).ownMs;
}

/** Of a process and of its children, those that have ended too, milliseconds. */
export function readFamilyMs(pid: number): number {
  const { ownMs, childrenMs } = readAccounting(`/proc/${pid}/stat`);
  let sum = ownMs + childrenMs;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const child = readAccounting(`/proc/${name}/stat`);
      if (child.parent === pid) sum += child.ownMs;
    } catch {
      // It has just ended.
    }
  }
  return sum;
}

/** The parent of a process. */
export function readParent(pid: number): number {
  return readAccounting(`/proc/${pid}/stat`).parent;
}

/** Memory of a process that is its own, bytes. */
export function readResidentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
