import { distanceM, type Position } from './position.ts';

interface Placed<T> {
  readonly position: Position;
  readonly item: T;
}

const METRES_PER_DEGREE = 111_195;
/** From here on a circle may reach around it. */
const POLE = 89;
/** The distance of two positions is not computed to the last digit. */
const ROUNDING = 1 + 1e-9;

/** Finds what lies within a radius by cells of latitude and longitude: cost grows with what is near, not with all there is. */
export class SpatialIndex<T> {
  readonly #cellDegrees: number;
  readonly #columns: number;
  readonly #cells = new Map<number, Placed<T>[]>();

  /** @param cellM about the radius that is asked for */
  constructor(items: Iterable<readonly [Position, T]>, cellM: number) {
    this.#cellDegrees = Math.min(90, Math.max(1e-4, cellM / METRES_PER_DEGREE));
    this.#columns = Math.ceil(360 / this.#cellDegrees);
    for (const [position, item] of items) {
      const key = this.#key(this.#row(position.lat), this.#column(position.lon));
      const cell = this.#cells.get(key);
      if (cell === undefined) this.#cells.set(key, [{ position, item }]);
      else cell.push({ position, item });
    }
  }

  /** In no order. */
  *within(centre: Position, radiusM: number): Generator<T> {
    for (const cell of this.#cellsAround(centre, radiusM)) {
      for (const { position, item } of cell) if (distanceM(centre, position) <= radiusM) yield item;
    }
  }

  *#cellsAround(centre: Position, radiusM: number): Generator<readonly Placed<T>[]> {
    const degrees = (radiusM / METRES_PER_DEGREE) * ROUNDING;
    const lonDegrees = degrees / Math.cos((Math.min(POLE, Math.abs(centre.lat) + degrees) * Math.PI) / 180);
    const columns = Math.min(this.#columns, 2 * Math.ceil(lonDegrees / this.#cellDegrees) + 3);
    const firstRow = this.#row(Math.max(-90, centre.lat - degrees));
    const lastRow = this.#row(Math.min(90, centre.lat + degrees));
    if (Math.abs(centre.lat) + degrees > POLE || (lastRow - firstRow + 1) * columns > this.#cells.size) {
      yield* this.#cells.values();
      return;
    }
    const firstColumn = this.#column(centre.lon) - Math.floor(columns / 2);
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (let column = firstColumn; column < firstColumn + columns; column += 1) {
        yield this.#cells.get(this.#key(row, this.#wrapped(column))) ?? [];
      }
    }
  }

  #row(lat: number): number {
    return Math.floor((lat + 90) / this.#cellDegrees);
  }

  #column(lon: number): number {
    return this.#wrapped(Math.floor((lon + 180) / this.#cellDegrees));
  }

  #wrapped(column: number): number {
    return ((column % this.#columns) + this.#columns) % this.#columns;
  }

  #key(row: number, column: number): number {
    return row * this.#columns + column;
  }
}
