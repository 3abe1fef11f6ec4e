import { parseTransition, TRANSITION_FIELD } from '../../contracts/alert-transition.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { withRedis } from '../../cli/stores/with-stores.ts';

/** Cursor of the newest transition, to count from. */
export async function readAlertCursor(redisUrl: string): Promise<string> {
  const newest = await withRedis(redisUrl, (redis) => redis.xrevrange(redisKeys.alerts, '+', '-', 'COUNT', 1));
  return newest[0]?.[0] ?? '0-0';
}

export async function countRaised(redisUrl: string, afterCursor: string): Promise<number> {
  const entries = await withRedis(redisUrl, (redis) => redis.xrange(redisKeys.alerts, `(${afterCursor}`, '+'));
  return entries.filter(([, fields]) => {
    const json = fields[fields.indexOf(TRANSITION_FIELD) + 1];
    return json !== undefined && parseTransition(json)?.kind === 'raised';
  }).length;
}
