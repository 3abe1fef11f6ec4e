import { z } from 'zod';
import { capStatusSchema, type CapStatus } from '../../core/alerts/alert.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import type { DeviceDescription } from '../../platform/postgres/registry-store.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';

export const tagSchema = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'letters, digits and _ . -, at most 64');

interface DescribeOptions extends OutputOptions {
  readonly status?: string;
  readonly tag?: readonly string[];
  /** False: none. */
  readonly tags?: boolean;
}

/** Changes what rules and alerts make of a device. */
export async function describeDevice(deviceId: string, options: DescribeOptions): Promise<void> {
  const status = parseStatus(options.status);
  if (options.tags === false && options.tag !== undefined) {
    throw new UsageFailure('--tag gives tags and --no-tags takes all away: keep one');
  }
  const tags = options.tags === false ? [] : parseTags(options.tag);
  if (status === undefined && tags === undefined) {
    throw new UsageFailure('nothing to change: give --status, --tag or --no-tags');
  }
  let described: DeviceDescription | undefined;
  await withRegistry(async (store) => {
    const { version, ...description } = await store.describeDevice(deviceId, { status, tags });
    described = description;
    return version;
  });
  tellDone(options, { device: deviceId, ...described }, `${deviceId} is changed`);
}

export function parseStatus(text: string | undefined): CapStatus | undefined {
  if (text === undefined) return undefined;
  const parsed = capStatusSchema.safeParse(text);
  if (!parsed.success) throw new UsageFailure(`--status ${text} is none of ${capStatusSchema.options.join(', ')}`);
  return parsed.data;
}

export function parseTags(texts: readonly string[] | undefined): readonly string[] | undefined {
  for (const text of texts ?? []) {
    if (!tagSchema.safeParse(text).success)
      throw new UsageFailure(`--tag ${text} is no tag: letters, digits and _ . -, at most 64`);
  }
  return texts && [...new Set(texts)].sort();
}
