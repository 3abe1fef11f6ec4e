import { z } from 'zod';
import { muteSchema, type Mute } from '../../core/detection/in-force.ts';
import { ruleSchema } from '../../core/detection/rule.ts';
import { parseDuration } from './duration.ts';
import { withRegistry } from './with-registry.ts';

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

/** What the rule has of other members is not looked at. */
async function changeMutes(id: string, change: (mutes: readonly Mute[]) => readonly Mute[]): Promise<void> {
  await withRegistry((store) =>
    store.changeRule(id, (definition) => {
      const before = z.array(muteSchema).safeParse(definition.mutes ?? []);
      const changed = ruleSchema.safeParse({ ...definition, mutes: change(before.data ?? []) });
      if (changed.success) return changed.data;
      throw new Error(`the rule ${id} cannot be changed so: ${z.prettifyError(changed.error)}`);
    }),
  );
}
