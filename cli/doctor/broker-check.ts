import { tryBroker } from '../../platform/mqtt/try-broker.ts';
import type { StoreUrls } from '../stores/find-stores.ts';
import { ok, problem, type Finding } from './finding.ts';

const ANSWER_WITHIN_MS = 4000;

export async function checkBroker({ mqttUrl, running }: StoreUrls): Promise<readonly Finding[]> {
  if (mqttUrl === undefined) return [ok('broker', 'no MQTT broker is set (MQTT_URL): devices send over HTTP')];
  const { host } = new URL(mqttUrl);
  const answer = await tryBroker(mqttUrl, ANSWER_WITHIN_MS);
  switch (answer.is) {
    case 'connected':
      return [ok('broker', `the broker at ${host} takes the login`)];
    case 'refused':
      // Of the platform that runs here the address is known, and the login is ingest's alone.
      if (running !== undefined && running.mqtt_url === mqttUrl) return [ok('broker', `the broker at ${host} answers`)];
      return [
        problem(
          'broker',
          `the broker at ${host} refuses the login of MQTT_URL: ${answer.why}`,
          'correct user and password in MQTT_URL, or write the logins anew with "telltale broker-logins"',
        ),
      ];
    case 'away':
      return [
        problem(
          'broker',
          `the broker at ${host} does not answer: ${answer.why}`,
          'start it, or correct MQTT_URL; ingest goes on over HTTP',
        ),
      ];
  }
}
