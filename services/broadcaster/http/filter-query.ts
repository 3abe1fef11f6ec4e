import { z } from 'zod';
import { alertFiltersSchema, type AlertFilters } from '../../../core/alerts/alert-filter.ts';

const list = z.string().transform((text) => text.split(',').map((part) => part.trim()));
const numbers = list.transform((parts) => parts.map((part) => (part === '' ? NaN : Number(part))));

/** One filter as parameters: lists with commas between. */
const querySchema = z
  .strictObject({
    zones: list.optional(),
    bbox: numbers.optional(),
    near: numbers
      .refine((values) => values.length === 3, 'must be latitude,longitude,metres')
      .transform(([lat, lon, radius]) => ({ lat, lon, radius_m: radius }))
      .optional(),
    min_severity: z.string().optional(),
    kinds: list.optional(),
    status: list.optional(),
  })
  .transform((filter) => [filter])
  .pipe(alertFiltersSchema);

/** The whole set, as in `subscribe`. */
const setSchema = z
  .strictObject({
    filters: z
      .string()
      .transform((text, context): unknown => {
        try {
          return JSON.parse(text);
        } catch {
          context.addIssue('must be a list of filters in JSON');
          return z.NEVER;
        }
      })
      .pipe(alertFiltersSchema),
  })
  .transform(({ filters }) => filters);

export type FilterQuery =
  { readonly ok: true; readonly filters: AlertFilters } | { readonly ok: false; readonly detail: string };

/** The filters that a query string asks for: `filters` with all of them in JSON, or the members of one. */
export function parseFilterQuery(query: string | undefined): FilterQuery {
  const params = new URLSearchParams(query ?? '');
  const names = [...params.keys()];
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return { ok: false, detail: `${twice} is there twice` };
  if (params.has('token') || params.has('access_token')) {
    return { ok: false, detail: 'a token goes into the field Authorization, never into the address' };
  }
  const members = Object.fromEntries(params);
  const parsed = params.has('filters') ? setSchema.safeParse(members) : querySchema.safeParse(members);
  if (parsed.success) return { ok: true, filters: parsed.data };
  const [issue] = parsed.error.issues;
  const path = issue?.path.filter((part) => part !== 0).join('.') ?? '';
  return { ok: false, detail: path === '' ? (issue?.message ?? '') : `${path}: ${issue?.message ?? ''}` };
}
