import { createHash, randomBytes } from 'node:crypto';
import { createEnrolmentToken } from '../../core/identity/enrolment-token.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { parsePosition, type PositionOptions } from '../devices/position-option.ts';
import { parseDuration } from '../options/duration.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';

interface EnrolmentTokenOptions extends PositionOptions, OutputOptions {
  readonly device?: string;
  readonly class: string;
  readonly site?: string;
  readonly owner?: string;
  readonly ttl: string;
}

/** A token that is found later on must not let anybody in. */
const LONGEST_TTL_MS = 30 * 86_400_000;

export async function printEnrolmentToken(options: EnrolmentTokenOptions): Promise<void> {
  const { device, site, owner } = options;
  if (device !== undefined && parseDeviceId(device) === undefined)
    throw new UsageFailure(`${device} is not a device id`);
  const deviceClass = options.class;
  if (deviceClass !== 'fixed' && deviceClass !== 'mobile') throw new UsageFailure('--class is fixed or mobile');
  const ttlMs = parseDuration(options.ttl);
  if (ttlMs === 0 || ttlMs > LONGEST_TTL_MS) throw new UsageFailure('--ttl is more than 0s and at most 30d');
  const token = createEnrolmentToken(randomBytes);
  const position = parsePosition(options);
  const expiresAt = new Date(Date.now() + ttlMs).toISOString();
  await withRegistry(
    (_registry, trust) =>
      trust.addEnrolmentToken({
        hash: createHash('sha256').update(token).digest(),
        deviceId: device ?? null,
        class: deviceClass,
        site: site ?? null,
        owner: owner ?? null,
        position,
        ttlMs,
      }),
    () => tellResult(options, { token, device: device ?? null, expires_at: expiresAt }, [token]),
  );
}
