// tsx loads what runs in a worker thread by require. cborg names itself to import only, so require has to be told where
// it is; tsx translates it from there. In production the compiled threads import it.
import { Module } from 'node:module';
import { fileURLToPath } from 'node:url';

const places = new Map([['cborg', fileURLToPath(import.meta.resolve('cborg'))]]);
const resolveFilename = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  places.get(request) ?? Reflect.apply(resolveFilename, Module, [request, ...rest]);
