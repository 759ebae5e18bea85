import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { faultsAgainst } from '../setup/files.mjs';
import { nodeTooOld } from '../setup/node-version.mjs';
import { matchesLock } from '../setup/steps/packages.mjs';
import { onPath } from '../setup/tools.mjs';

describe('what set-up decides by', () => {
  test('the age of Node', () => {
    expect(nodeTooOld('20.19.0')).toBeUndefined();
    expect(nodeTooOld('22.1.0')).toBeUndefined();
    expect(nodeTooOld('20.18.9')).toBe('Node 20.18.9 is too old: install Node 20.19 or newer');
    expect(nodeTooOld('18.20.8')).toMatch(/too old/);
  });

  test('whether the installed packages are those of the lock', () => {
    const lock = {
      packages: {
        '': {},
        'node_modules/a': { version: '1.0.0', integrity: 'x' },
        'node_modules/win': { version: '2.0.0', optional: true },
      },
    };
    expect(matchesLock(lock, { packages: { 'node_modules/a': { version: '1.0.0', integrity: 'x' } } })).toBe(true);
    expect(matchesLock(lock, { packages: { 'node_modules/a': { version: '1.0.1', integrity: 'y' } } })).toBe(false);
    expect(matchesLock(lock, { packages: {} })).toBe(false);
    expect(
      matchesLock(lock, { packages: { 'node_modules/a': { version: '1.0.0', integrity: 'x' }, 'node_modules/b': { version: '1.0.0' } } }),
    ).toBe(false);
  });

  test('the checksums of files', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    const listing = `${a}  one.jar\n${b}  two.jar\n`;
    expect(
      faultsAgainst(
        listing,
        new Map([
          ['one.jar', a],
          ['two.jar', b],
        ]),
      ),
    ).toEqual([]);
    expect(
      faultsAgainst(
        listing,
        new Map([
          ['one.jar', b],
          ['three.jar', b],
        ]),
      ),
    ).toEqual(['two.jar is missing', 'three.jar is not expected', `one.jar has checksum ${b}, not ${a}`]);
  });

  test('the first program on a path', () => {
    const root = mkdtempSync(join(tmpdir(), 'decisions-'));
    const bin = join(root, 'bin');
    for (const folder of ['bin', 'setup']) mkdirSync(join(root, folder));
    writeFileSync(join(bin, 'mvn'), '#!/bin/sh\n');
    chmodSync(join(bin, 'mvn'), 0o755);
    expect(onPath(['mvn', 'javac'], `${root}${delimiter}${bin}`)).toBe(join(bin, 'mvn'));
    expect(onPath(['nothing'], bin)).toBeUndefined();
    expect(onPath(['setup'], root)).toBeUndefined();
    rmSync(root, { recursive: true });
  });
});
