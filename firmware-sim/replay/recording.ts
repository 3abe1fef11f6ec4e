import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { UsageError } from '../usage-error.ts';

/** Of one axis, in gal. Three axes have to fit into one pack of 1,000 records. */
const axis = z.array(z.number()).min(1).max(333);

const recordSchema = z
  .object({
    device_id: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
    /** By the device's clock, Unix seconds, of the last sample. */
    device_t: z.number().positive(),
    /** When it arrived, Unix seconds. */
    cloud_t: z.number().positive(),
    /** Samples a second. */
    sr: z.number().positive(),
    x: axis,
    y: axis,
    z: axis,
  })
  .refine(
    ({ x, y, z: vertical }) => x.length === y.length && x.length === vertical.length,
    'axes of different lengths',
  );

/** What one device recorded in about a second. */
export type RecordedSecond = z.infer<typeof recordSchema>;

/** Line by line, in the order of the file, which is the order of arrival. */
export async function* readRecording(path: string): AsyncGenerator<RecordedSecond> {
  const file = createReadStream(path);
  const unzipped = file.pipe(createGunzip());
  file.once('error', (error) => unzipped.destroy(error));
  let line = 0;
  try {
    for await (const text of linesOf(unzipped)) {
      line += 1;
      yield parseRecord(text, `${path}:${line}`);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${path} cannot be read to its end: ${reason}`, { cause: error });
  } finally {
    file.destroy();
    unzipped.destroy();
  }
}

/** Unlike node:readline, it fails when its input does. */
async function* linesOf(input: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of input.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function parseRecord(text: string, where: string): RecordedSecond {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UsageError(`${where} is not a record of a recording`, { cause });
  }
}
