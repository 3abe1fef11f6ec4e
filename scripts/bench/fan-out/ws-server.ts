import { Redis } from 'ioredis';
import { WebSocket, WebSocketServer } from 'ws';
import { redisChannels } from '../../../contracts/redis-keys.ts';
import { requireSetting } from './require-setting.ts';

/** What the fan-out is compared with: a plain loop over the sockets of the package ws. */
const subscriber = new Redis(requireSetting('REDIS_URL'));
const server = new WebSocketServer({
  port: Number(requireSetting('PORT')),
  host: '127.0.0.1',
  perMessageDeflate: false,
  backlog: 1024,
});
subscriber.on('message', (_channel, message) => {
  for (const client of server.clients) if (client.readyState === WebSocket.OPEN) client.send(message);
});
await subscriber.subscribe(redisChannels.alerts);
process.stdout.write('listening\n');
