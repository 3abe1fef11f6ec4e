import type { Logger } from '../../../platform/log/logger.ts';
import type { IngestConfig } from '../config.ts';
import type { FrontDoor } from '../front-door.ts';
import type { IngestMetrics } from '../metrics.ts';
import { OutcomeObserver } from '../outcome-observer.ts';
import { decideMqttMessage } from './decide-message.ts';
import { MqttIntake } from './mqtt-intake.ts';

interface Surroundings {
  readonly frontDoor: FrontDoor;
  readonly metrics: IngestMetrics;
  readonly log: Logger;
}

/** What takes packs from the broker at this URL to the front door. */
export function createMqttIntake(
  config: IngestConfig,
  url: string,
  { frontDoor, metrics, log }: Surroundings,
): MqttIntake {
  const observer = new OutcomeObserver('mqtt', metrics, log);
  return new MqttIntake({
    url,
    clientId: config.TELLTALE_INGEST_MQTT_CLIENT_ID,
    group: config.TELLTALE_INGEST_MQTT_GROUP,
    connections: config.TELLTALE_INGEST_MQTT_CONNECTIONS,
    log,
    onRetry: () => metrics.mqttRetries.inc(),
    decide: (deviceId, payload) => decideMqttMessage(frontDoor, observer, deviceId, payload),
  });
}
