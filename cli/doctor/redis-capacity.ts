import { problem, warning, type Finding } from './finding.ts';

/** Of `maxmemory`, from where on it should be looked at. */
const NEARLY_FULL = 0.8;

/** @param memory the section `memory` of `INFO` */
export function judgeMemory(memory: ReadonlyMap<string, string>): readonly Finding[] {
  const most = Number(memory.get('maxmemory'));
  // Redis does not count what waits for replicas and for its file.
  const used = Number(memory.get('used_memory')) - Number(memory.get('mem_not_counted_for_evict') ?? 0);
  if (!(most > 0) || used <= most * NEARLY_FULL) return [];
  if (used >= most && memory.get('maxmemory_policy') === 'noeviction') {
    return [
      problem(
        'redis-settings',
        `the memory of Redis is full (${used} of ${most} bytes): it refuses writes, and devices are answered 503`,
        'raise maxmemory ("CONFIG SET maxmemory", and its configuration), then find out what waits: see the backlog and the dead letters',
      ),
    ];
  }
  return [
    warning(
      'redis-settings',
      `Redis has used ${Math.round((100 * used) / most)} % of its maxmemory`,
      'raise maxmemory, or find out what waits: see the backlog and the dead letters',
    ),
  ];
}

/** @param persistence the section `persistence` of `INFO` */
export function judgeDisk(persistence: ReadonlyMap<string, string>): readonly Finding[] {
  const status = persistence.get('aof_last_write_status') ?? 'ok';
  if (status === 'ok') return [];
  return [
    problem(
      'redis-settings',
      `Redis cannot write its append-only file (aof_last_write_status ${status}): it refuses writes`,
      'make room on its disk, or look at the disk and the rights of its folder; the log of Redis names the error, and it goes on by itself',
    ),
  ];
}
