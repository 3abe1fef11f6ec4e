import { withStores, untilProjected } from './with-registry.ts';
import { RegistryStore } from '../../platform/postgres/registry-store.ts';
import type { Mute } from '../../core/detection/in-force.ts';
import { parseDuration } from './duration.ts';

interface MuteOptions {
  readonly for?: string;
  readonly device?: readonly string[];
}

/** A new version of the rule with one mute more; those that are over go. */
export async function muteRule(id: string, options: MuteOptions): Promise<void> {
  if (options.for === undefined) throw new Error('--for <duration> is missing, such as 30m, 1h or 7d');
  const forMs = parseDuration(options.for);
  if (forMs === 0) throw new Error('--for is more than 0s');
  const now = Date.now();
  const until = new Date(now + forMs).toISOString();
  const mute: Mute = {
    from: new Date(now).toISOString(),
    until,
    ...(options.device !== undefined && { devices: [...options.device] }),
  };
  await changeMutes(id, (mutes) => [...mutes.filter((each) => Date.parse(each.until) > now), mute]);
  process.stderr.write(
    `${id} tells nobody${options.device === undefined ? '' : ` of ${options.device.join(', ')}`} until ${until}\n`,
  );
}

export async function unmuteRule(id: string): Promise<void> {
  await changeMutes(id, () => []);
  process.stderr.write(`${id} is not muted\n`);
}

async function changeMutes(id: string, change: (mutes: readonly Mute[]) => readonly Mute[]): Promise<void> {
  await withStores(async ({ database, redisUrl }) => {
    const store = new RegistryStore(database);
    const rule = await store.findRule(id);
    if (rule === undefined) throw new Error(`no rule has the id ${id}`);
    await untilProjected(redisUrl, await store.applyRules([{ ...rule, mutes: [...change(rule.mutes)] }]));
  });
}
