import { z } from 'zod';
import { isCapSender } from '../../core/alerts/cap.ts';
import {
  foreignPrefixes,
  integer,
  logSettings,
  networks,
  port,
  redisSettings,
} from '../../platform/config/fragments.ts';
import { ConfigError, loadConfig, type Environment } from '../../platform/config/load-config.ts';

const origins = z.string().transform((text, context) =>
  text.split(',').map((part) => {
    const origin = part.trim();
    if (origin !== '*' && !/^[a-z][a-z0-9+.-]*:\/\/[^/]+$/.test(origin)) {
      context.addIssue(`"${origin}" is no origin, such as https://alerts.example.org, and not *`);
    }
    return origin;
  }),
);

export const broadcasterSettings = {
  ...logSettings,
  ...redisSettings,
  TELLTALE_BROADCASTER_HOST: z.string().default('127.0.0.1'),
  TELLTALE_BROADCASTER_PORT: port.default(8081),
  /** Metrics and health are for operators: somewhere else than the public port. */
  TELLTALE_BROADCASTER_ADMIN_HOST: z.string().default('127.0.0.1'),
  TELLTALE_BROADCASTER_ADMIN_PORT: port.default(9103),
  /** Whether everybody may listen. If not, a token is needed, and the keys that tokens are checked with. */
  TELLTALE_BROADCASTER_PUBLIC: z.stringbool().default(false),
  /** JWKS file (RFC 7517) of the public keys of tokens; read again when it changes. */
  TELLTALE_BROADCASTER_JWKS_PATH: z.string().optional(),
  TELLTALE_BROADCASTER_TOKEN_AUDIENCE: z.string().min(1).default('telltale-alerts'),
  /** Undefined for whatever issuer the keys belong to. */
  TELLTALE_BROADCASTER_TOKEN_ISSUER: z.string().min(1).optional(),
  /** Of pages that may listen in a browser, with commas between, besides those of the same host; `*` for all. */
  TELLTALE_BROADCASTER_ORIGINS: origins.default([]),
  /** Addresses and networks, with commas between, whose X-Forwarded-For is believed. */
  TELLTALE_BROADCASTER_TRUSTED_PROXIES: networks.default([]),
  /** Connections: of this process, of one address, of one account, and new ones a second. */
  TELLTALE_BROADCASTER_MAX_CONNECTIONS: integer(1, 1_000_000).default(50_000),
  TELLTALE_BROADCASTER_MAX_PER_ADDRESS: integer(1, 1_000_000).default(1000),
  TELLTALE_BROADCASTER_MAX_PER_ACCOUNT: integer(1, 1_000_000).default(20),
  TELLTALE_BROADCASTER_CONNECTS_PER_S: integer(1, 100_000).default(500),
  /** What somebody who comes back can be told of: so many transitions, not older than this. */
  TELLTALE_BROADCASTER_WINDOW_COUNT: integer(1, 1_000_000).default(10_000),
  TELLTALE_BROADCASTER_WINDOW_S: integer(1, 2_592_000).default(86_400),
  TELLTALE_BROADCASTER_HEARTBEAT_S: integer(1, 50).default(15),
  /** Frames compressed by permessage-deflate (RFC 7692), for clients that offer it: less traffic for much more processor time. */
  TELLTALE_BROADCASTER_COMPRESSION: z.stringbool().default(false),
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
  const config = loadConfig(
    { shape: broadcasterSettings, foreignPrefixes: foreignPrefixes('TELLTALE_BROADCASTER_') },
    environment,
  );
  const { TELLTALE_BROADCASTER_PUBLIC: isPublic, TELLTALE_BROADCASTER_JWKS_PATH: jwksPath } = config;
  if (!isPublic && jwksPath === undefined) {
    throw new ConfigError([
      'nobody could listen: set TELLTALE_BROADCASTER_JWKS_PATH to the public keys of tokens (telltale token makes a pair), ' +
        'or TELLTALE_BROADCASTER_PUBLIC=true for alerts that everybody may hear',
    ]);
  }
  if (isPublic && jwksPath !== undefined) {
    throw new ConfigError([
      'TELLTALE_BROADCASTER_PUBLIC=true lets everybody listen, and TELLTALE_BROADCASTER_JWKS_PATH asks for tokens; keep one',
    ]);
  }
  return config;
}
