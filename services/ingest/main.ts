import { runService } from '../../platform/lifecycle/run-service.ts';
import { loadIngestConfig } from './config.ts';
import { startIngest } from './service.ts';

await runService({ name: 'ingest', loadConfig: loadIngestConfig, start: startIngest });
