import type { StackSettings } from './settings.ts';
import { findMosquitto } from './start-mosquitto.ts';

/** A broker of its own where Mosquitto is installed, unless another one is named. */
export function startsBroker(settings: StackSettings): boolean {
  return settings.MQTT_URL === undefined && findMosquitto() !== undefined;
}
