import { randomUUID } from 'node:crypto';
import type { SecurityEvent } from '../../contracts/security-event.ts';

export function securityEvent(overrides: Partial<SecurityEvent> = {}): SecurityEvent {
  return {
    id: randomUUID(),
    at_ms: 1_795_250_000_123,
    kind: 'bad-signature',
    device: 'dev-1',
    address: '192.0.2.7',
    code: 'signature-invalid',
    actor: 'ingest',
    detail: { count: 3 },
    ...overrides,
  };
}
