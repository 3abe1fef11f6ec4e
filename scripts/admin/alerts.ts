import { isOver, parseAlertRecord, type AlertRecord } from '../../contracts/alert-record.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { AlertLog, type OperatorAction } from '../../services/worker/alerts/alert-log.ts';
import { findStores, withRedis } from './with-registry.ts';

const LONGEST_NOTE = 200;
const NAME = /^[A-Za-z0-9][A-Za-z0-9@_.-]{0,63}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

interface ActionOptions {
  readonly by: string;
  readonly note?: string;
}

export async function acknowledgeAlert(alertId: string, options: ActionOptions): Promise<void> {
  await act('updated', alertId, options);
  process.stderr.write(`${options.by} looks after ${alertId}\n`);
}

export async function cancelAlert(alertId: string, options: ActionOptions): Promise<void> {
  await act('cancelled', alertId, options);
  process.stderr.write(`${alertId} is cancelled\n`);
}

export async function printAlerts({ json }: { readonly json: boolean }): Promise<void> {
  await withAlerts((_redis, records) => {
    const active = [...records.values()].filter((record) => !isOver(record)).map(({ transition }) => transition);
    active.sort((a, b) => b.decided_us - a.decided_us);
    if (json) process.stdout.write(`${JSON.stringify({ alerts: active })}\n`);
    else if (active.length === 0) process.stdout.write('no alert is active\n');
    else {
      for (const { alert_id: id, severity, status, headline, rule, subject, acknowledged_by: by } of active) {
        const who = by === undefined ? '' : `, ${by} looks after it`;
        process.stdout.write(`${id}  ${severity} (${status})  ${headline}: ${rule} at ${subject}${who}\n`);
      }
    }
    return Promise.resolve();
  });
}

async function act(kind: OperatorAction['kind'], alertId: string, { by: name, note }: ActionOptions): Promise<void> {
  if (!NAME.test(name)) throw new Error('--by is a name without spaces, such as ana or ana@example.org');
  if (note !== undefined && (note.length > LONGEST_NOTE || CONTROL_CHARACTER.test(note))) {
    throw new Error(`--note is one line of at most ${LONGEST_NOTE} characters`);
  }
  await withAlerts(async (redis, records) => {
    const found = [...records].find(([, { transition }]) => transition.alert_id === alertId);
    if (found === undefined) throw new Error(`no alert has the id ${alertId}: "npm run admin -- alerts" lists them`);
    const [field] = found;
    const transition = await new AlertLog(redis).appendByOperator({ field, alertId, kind, name, note });
    if (transition === undefined) throw new Error(`${alertId} is over already`);
  });
}

async function withAlerts(
  use: (redis: Redis, records: ReadonlyMap<string, AlertRecord>) => Promise<void>,
): Promise<void> {
  const { redisUrl } = await findStores();
  if (redisUrl === undefined) throw new Error('alerts are in Redis: set REDIS_URL');
  await withRedis(redisUrl, async (redis) => {
    const records = new Map<string, AlertRecord>();
    for (const [field, json] of Object.entries(await redis.hgetall(redisKeys.alertRecords))) {
      const record = parseAlertRecord(json);
      if (record !== undefined) records.set(field, record);
    }
    await use(redis, records);
  });
}
