import { z } from 'zod';
import { muteSchema, type Mute } from '../../core/detection/in-force.ts';
import { ruleSchema } from '../../core/detection/rule.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { parseDuration } from '../options/duration.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';

interface MuteOptions extends OutputOptions {
  readonly for?: string;
  readonly device?: readonly string[];
}

/** A new version of the rule with one mute more; those that are over go. */
export async function muteRule(id: string, options: MuteOptions): Promise<void> {
  if (options.for === undefined) throw new UsageFailure('--for <duration> is missing, such as 30m, 1h or 7d');
  const forMs = parseDuration(options.for);
  if (forMs === 0) throw new UsageFailure('--for is more than 0s');
  const now = Date.now();
  const until = new Date(now + forMs).toISOString();
  const mute: Mute = {
    from: new Date(now).toISOString(),
    until,
    ...(options.device !== undefined && { devices: [...options.device] }),
  };
  await changeMutes(id, (mutes) => [...mutes.filter((each) => Date.parse(each.until) > now), mute]);
  const devices = options.device ?? null;
  const whom = devices === null ? '' : ` of ${devices.join(', ')}`;
  tellDone(options, { rule: id, devices, muted_until: until }, `${id} tells nobody${whom} until ${until}`);
}

export async function unmuteRule(id: string, options: OutputOptions): Promise<void> {
  await changeMutes(id, () => []);
  tellDone(options, { rule: id, muted_until: null }, `${id} is not muted`);
}

/** What the rule has of other members is not looked at. */
async function changeMutes(id: string, change: (mutes: readonly Mute[]) => readonly Mute[]): Promise<void> {
  await withRegistry((store) =>
    store.changeRule(id, (definition) => {
      const before = z.array(muteSchema).safeParse(definition.mutes ?? []);
      const changed = ruleSchema.safeParse({ ...definition, mutes: change(before.data ?? []) });
      if (changed.success) return changed.data;
      throw new CommandFailure(`the rule ${id} cannot be changed so: ${z.prettifyError(changed.error)}`);
    }),
  );
}
