import { z } from 'zod';
import { parseDeviceId, type DeviceId } from '../core/identity/ids.ts';

const PREFIX = 'telltale/v1/devices/';

/** Every MQTT topic. A device id has none of the characters that MQTT gives a meaning. */
export const mqttTopics = {
  /** Where a device publishes envelopes: JWS or COSE_Sign1. */
  telemetry: (deviceId: string) => `${PREFIX}${deviceId}/telemetry`,
  /** Where a device reads what became of them. */
  receipts: (deviceId: string) => `${PREFIX}${deviceId}/receipts`,
  /** What the front door takes part in, all its connections sharing the load within the group. */
  sharedTelemetry: (group: string) => `$share/${group}/${PREFIX}+/telemetry`,
} as const;

const TELEMETRY = /^telltale\/v1\/devices\/([^/]+)\/telemetry$/;

/** The device that the topic names, undefined when it names none. */
export function parseTelemetryTopic(topic: string): DeviceId | undefined {
  const id = TELEMETRY.exec(topic)?.[1];
  return id === undefined ? undefined : parseDeviceId(id);
}

/** What became of an envelope: `accepted` readings, or the problem document. `nonce` is null when it could not be read. */
export const receiptSchema = z.union([
  z.object({ nonce: z.string(), status: z.literal(202), accepted: z.int().nonnegative() }),
  z.looseObject({ nonce: z.string().nullable(), status: z.int().min(400), code: z.string() }),
]);
export type Receipt = z.infer<typeof receiptSchema>;
