import { isOver, parseAlertRecord, type AlertRecord } from '../../contracts/alert-record.ts';
import { redisKeys } from '../../contracts/redis-keys.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { AlertLog, type OperatorAction } from '../../platform/redis/alert-log/alert-log.ts';
import type { Redis } from '../../platform/redis/open-redis.ts';
import { tellDone, tellResult, type OutputOptions } from '../output/tell.ts';
import { findRedis } from '../stores/find-stores.ts';
import { withRedis } from '../stores/with-stores.ts';

const LONGEST_NOTE = 200;
const NAME = /^[A-Za-z0-9][A-Za-z0-9@_.-]{0,63}$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

interface ActionOptions extends OutputOptions {
  readonly by: string;
  readonly note?: string;
}

export async function acknowledgeAlert(alertId: string, options: ActionOptions): Promise<void> {
  const alert = await act('updated', alertId, options);
  tellDone(options, alert, `${options.by} looks after ${alertId}`);
}

export async function cancelAlert(alertId: string, options: ActionOptions): Promise<void> {
  const alert = await act('cancelled', alertId, options);
  tellDone(options, alert, `${alertId} is cancelled`);
}

export async function printAlerts(options: OutputOptions): Promise<void> {
  await withAlerts((_redis, records) => {
    const active = [...records.values()].filter((record) => !isOver(record)).map(({ transition }) => transition);
    active.sort((a, b) => b.decided_us - a.decided_us);
    const lines = active.map(({ alert_id: id, severity, status, headline, rule, subject, acknowledged_by: by }) => {
      const who = by === undefined ? '' : `, ${by} looks after it`;
      return `${id}  ${severity} (${status})  ${headline}: ${rule} at ${subject}${who}`;
    });
    tellResult(options, { alerts: active }, lines.length === 0 ? ['no alert is active'] : lines);
    return Promise.resolve();
  });
}

async function act(
  kind: OperatorAction['kind'],
  alertId: string,
  { by: name, note }: ActionOptions,
): Promise<AlertRecord['transition']> {
  if (!NAME.test(name)) throw new UsageFailure('--by is a name without spaces, such as ana or ana@example.org');
  if (note !== undefined && (note.length > LONGEST_NOTE || CONTROL_CHARACTER.test(note))) {
    throw new UsageFailure(`--note is one line of at most ${LONGEST_NOTE} characters`);
  }
  return await withAlerts(async (redis, records) => {
    const found = [...records].find(([, { transition }]) => transition.alert_id === alertId);
    if (found === undefined)
      throw new CommandFailure(`no alert has the id ${alertId}: "telltale alerts list" has them`);
    const [field] = found;
    const transition = await new AlertLog(redis).appendByOperator({ field, alertId, kind, name, note });
    if (transition === undefined) throw new CommandFailure(`${alertId} is over already`);
    return transition;
  });
}

async function withAlerts<T>(use: (redis: Redis, records: ReadonlyMap<string, AlertRecord>) => Promise<T>): Promise<T> {
  return await withRedis(await findRedis(), async (redis) => {
    const records = new Map<string, AlertRecord>();
    for (const [field, json] of Object.entries(await redis.hgetall(redisKeys.alertRecords))) {
      const record = parseAlertRecord(json);
      if (record !== undefined) records.set(field, record);
    }
    return await use(redis, records);
  });
}
