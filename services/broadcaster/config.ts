import { z } from 'zod';
import { isCapSender } from '../../core/alerts/cap.ts';
import { foreignPrefixes, logSettings, port, redisSettings } from '../../platform/config/fragments.ts';
import { loadConfig, type Environment } from '../../platform/config/load-config.ts';

export const broadcasterSettings = {
  ...logSettings,
  ...redisSettings,
  TELLTALE_BROADCASTER_HOST: z.string().default('127.0.0.1'),
  TELLTALE_BROADCASTER_PORT: port.default(8081),
  TELLTALE_BROADCASTER_ADMIN_PORT: port.default(9103),
  TELLTALE_BROADCASTER_CAP_SENDER: z
    .string()
    .refine(isCapSender, 'a name without spaces, commas, < and &, such as alerts.example.org')
    .default('telltale.invalid'),
  TELLTALE_BROADCASTER_CAP_SENDER_NAME: z.string().min(1).max(200).default('Telltale'),
  /** Where the public reaches this service. */
  TELLTALE_BROADCASTER_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
};

export type BroadcasterConfig = z.infer<z.ZodObject<typeof broadcasterSettings>>;

export function loadBroadcasterConfig(environment: Environment): BroadcasterConfig {
  return loadConfig(
    { shape: broadcasterSettings, foreignPrefixes: foreignPrefixes('TELLTALE_BROADCASTER_') },
    environment,
  );
}
