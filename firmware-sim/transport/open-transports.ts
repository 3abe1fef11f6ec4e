import type { FleetDevice } from '../fleet/fleet-device.ts';
import { HttpTransport } from './http-transport.ts';
import { canBindLocalAddress, localAddressOf, type AddressRole } from './local-address.ts';
import type { Transport } from './transport.ts';

/** `both`: every other device by MQTT. */
export const TRANSPORTS = ['http', 'mqtt', 'both'] as const;
export type TransportChoice = (typeof TRANSPORTS)[number];

export interface Route {
  readonly transport: TransportChoice;
  /** Of the ingest. */
  readonly url: URL;
  /** Of the broker. */
  readonly mqttUrl: URL;
  readonly replyTimeoutMs?: number | undefined;
}

/** Opens the way of the device at this place among those of its role. */
export type OpenTransport = (device: FleetDevice, index: number, role: AddressRole) => Transport;

export async function createOpenTransport({ transport, url, mqttUrl, replyTimeoutMs }: Route): Promise<OpenTransport> {
  const bound = canBindLocalAddress(url, process.platform);
  const overHttp: OpenTransport = (_, index, role) =>
    new HttpTransport(url, { localAddress: bound ? localAddressOf(index, role) : undefined, replyTimeoutMs });
  if (transport === 'http') return overHttp;
  // A client of MQTT is loaded only for who uses it.
  const { MqttTransport } = await import('./mqtt-transport.ts');
  return (device, index, role) =>
    transport === 'mqtt' || index % 2 === 1
      ? new MqttTransport(mqttUrl, device, replyTimeoutMs)
      : overHttp(device, index, role);
}
