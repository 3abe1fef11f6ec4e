import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AlertMessage } from '../../../contracts/alert-stream.ts';
import {
  alertFiltersSchema,
  decidePassage,
  letsThrough,
  type AlertFilters,
} from '../../../core/alerts/alert-filter.ts';
import { capStatusSchema, severitySchema } from '../../../core/alerts/alert.ts';
import { uniformAt } from '../../../firmware-sim/random.ts';
import type { AlertSubscriber } from '../../support/alert-subscriber.ts';
import { TestAlertLog } from '../../support/alert-log.ts';
import { eventually } from '../../support/eventually.ts';
import { readTransitions } from '../../support/detecting.ts';
import { startRedis } from '../../support/redis.ts';
import { startBroadcasterProcess } from '../../support/running-broadcaster.ts';

const CLIENTS = 500;
const SUBJECTS = 60;
const TRANSITIONS = 400;

let draws = 0;
const random = (): number => uniformAt(20_261_122, (draws += 1));
const upTo = (count: number): number => Math.floor(random() * count);
const oneOf = <T>(values: readonly T[]): T => values[upTo(values.length)]!;
const someOf = <T>(values: readonly T[]): T[] => {
  const some = values.filter(() => random() < 0.5);
  return some.length === 0 ? [oneOf(values)] : some;
};
const ZONES = ['north', 'south', 'coast', 'city'];
const KINDS = ['threshold', 'quorum', 'absence'] as const;
const place = (): { lat: number; lon: number } => ({ lat: random() * 180 - 90, lon: random() * 360 - 180 });

/** No two are alike: the place is drawn anew. */
function drawFilter(): Record<string, unknown> {
  const { lat, lon } = place();
  const filter: Record<string, unknown> = { status: someOf(capStatusSchema.options) };
  if (random() < 0.4) filter['bbox'] = [lon, lat, place().lon, Math.min(90, lat + random() * 60)];
  else filter['near'] = { lat, lon, radius_m: random() * 5_000_000 + 1 };
  if (random() < 0.3) filter['zones'] = someOf(ZONES);
  if (random() < 0.3) filter['min_severity'] = oneOf(severitySchema.options);
  if (random() < 0.3) filter['kinds'] = someOf(KINDS);
  return filter;
}

interface Client {
  readonly filters: AlertFilters;
  readonly subscriber: AlertSubscriber;
}

test('each of 500 clients with filters of its own gets exactly what a look at every transition says', async () => {
  await using server = await startRedis();
  await using broadcaster = await startBroadcasterProcess(server.url);
  using log = new TestAlertLog(server.url);
  const clients: Client[] = [];
  for (let index = 0; index < CLIENTS; index += 1) {
    const drawn = Array.from({ length: 1 + upTo(2) }, drawFilter);
    const subscriber = await broadcaster.open();
    subscriber.say({ type: 'subscribe', filters: drawn });
    clients.push({ filters: alertFiltersSchema.parse(drawn), subscriber });
  }
  for (const { subscriber } of clients) await subscriber.told('live');
  assert.equal(await broadcaster.metric('ws_filter_sets'), CLIENTS);

  for (let count = 0; count < TRANSITIONS; count += 1) {
    const kind = oneOf(['raised', 'raised', 'updated', 'updated', 'cleared'] as const);
    // An alert that has no such transition is left as it is.
    await log.append(kind, {
      subject: `dev-${upTo(SUBJECTS)}`,
      severity: oneOf(severitySchema.options),
      status: oneOf(capStatusSchema.options),
      rule_kind: oneOf(KINDS),
      position: random() < 0.1 ? null : place(),
      zones: ZONES.filter(() => random() < 0.3),
    });
  }

  const transitions = await readTransitions(log.redis);
  assert.ok(transitions.length > TRANSITIONS / 3);
  for (const { filters, subscriber } of clients) {
    const expected: Pick<AlertMessage, 'cursor' | 'filter'>[] = [];
    const before = new Map<string, (typeof transitions)[number]['transition']>();
    for (const { cursor, transition } of transitions) {
      const passage = decidePassage(
        filters,
        before.get(transition.alert_id),
        transition,
        transition.kind === 'cleared' || transition.kind === 'cancelled',
      );
      before.set(transition.alert_id, transition);
      if (passage !== undefined) expected.push({ cursor, filter: passage === 'within' ? undefined : passage });
    }
    await eventually(() =>
      assert.deepEqual(
        subscriber.alerts.map(({ cursor, filter }) => ({ cursor, filter })),
        expected,
      ),
    );
    for (const alert of subscriber.alerts) assert.ok(letsThrough(filters, alert) || alert.filter === 'leave');
  }
});
