import { z } from 'zod';
import type { AlertState } from '../core/alerts/alert-state.ts';

/** A value of the hash of alert states. */
const alertStateSchema = z
  .object({
    alert_id: z.string(),
    version: z.int(),
    active: z.boolean(),
    cancelled: z.boolean().optional(),
    cause: z.tuple([z.int(), z.int(), z.int()]),
  })
  .transform(({ alert_id: alertId, version, active, cancelled, cause: [entryMs, entrySeq, index] }): AlertState => ({
    alertId,
    version,
    active,
    ...(cancelled === true && { cancelled }),
    cause: { entryMs, entrySeq, index },
  }));

export function parseAlertState(json: string): AlertState {
  return alertStateSchema.parse(JSON.parse(json));
}

export function formatAlertState({ alertId, version, active, cancelled, cause }: AlertState): string {
  return JSON.stringify({
    alert_id: alertId,
    version,
    active,
    cancelled,
    cause: [cause.entryMs, cause.entrySeq, cause.index],
  });
}
