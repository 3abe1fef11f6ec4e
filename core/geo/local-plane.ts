import { wrapLongitude, type Position } from './position.ts';

const METRES_PER_DEGREE = 111_195;

/** Metres east and north of a reference; good to a hundredth up to some hundred kilometres outside the polar regions. */
export class LocalPlane {
  readonly #origin: Position;
  readonly #metresPerLon: number;

  constructor(origin: Position) {
    this.#origin = origin;
    this.#metresPerLon = METRES_PER_DEGREE * Math.cos((origin.lat * Math.PI) / 180);
  }

  toPoint({ lat, lon }: Position): { x: number; y: number } {
    const degrees = wrapLongitude(lon - this.#origin.lon);
    return { x: degrees * this.#metresPerLon, y: (lat - this.#origin.lat) * METRES_PER_DEGREE };
  }

  toPosition({ x, y }: { readonly x: number; readonly y: number }): Position {
    const lon = this.#origin.lon + x / this.#metresPerLon;
    const lat = Math.max(-90, Math.min(90, this.#origin.lat + y / METRES_PER_DEGREE));
    return { lat, lon: wrapLongitude(lon) };
  }
}
