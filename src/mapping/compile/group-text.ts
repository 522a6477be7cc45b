import type { StructureMapGroup } from '@medplum/fhirtypes';
import { AppError, type Problem, within } from '../../errors/index.ts';
import { mapError, type Part, type Position, says } from '../fml/index.ts';
import { parseExpression, placeIn } from './expression.ts';
import { ExpressionEmitter } from './expression-emitter.ts';
import type { GroupFunction, Linker, MapUnit } from './linker.ts';
import type { Scope, SourceVariable, Usage } from './variables.ts';

const RESERVED = new Set(
  (
    'break case catch class const continue debugger default delete do else enum export extends false finally for function if implements import in ' +
    'instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with ' +
    'yield await arguments eval undefined NaN Infinity Object Array Number String Math JSON Map Set RegExp it order part'
  ).split(' '),
);

/** The text of one JavaScript function as it is being written, and where in its map that is. */
export class GroupText {
  readonly unit: MapUnit;
  readonly group: StructureMapGroup;
  readonly linker: Linker;
  readonly self: GroupFunction;
  /** Conditional blocks around the line to come. */
  depth = 0;
  /** The rule being written: its name, its line, and the JavaScript of the field for whose sake it writes. */
  rule = '';
  ruleLine = 0;
  ruleField = '""';
  /** Map of the objects that neighbouring rules share, and one that counts how many of them the rule has used; where a rule shares. */
  sharing: string | undefined;
  counts: string | undefined;
  readonly #lines: string[] = [];
  readonly #names: Set<string>;
  #indent = 1;

  constructor(unit: MapUnit, group: StructureMapGroup, linker: Linker, self: GroupFunction, reserved: Iterable<string>) {
    this.unit = unit;
    this.group = group;
    this.linker = linker;
    this.self = self;
    this.#names = new Set([...RESERVED, ...reserved]);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  line(text: string): void {
    this.#lines.push('  '.repeat(this.#indent) + text);
  }

  open(text: string, conditional: boolean): void {
    this.line(text);
    this.#indent++;
    if (conditional) this.depth++;
  }

  close(conditional: boolean): void {
    this.#indent--;
    if (conditional) this.depth--;
    this.line('}');
  }

  fresh(name: string): string {
    const base = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    let candidate = base;
    for (let i = 2; this.#names.has(candidate); i++) candidate = `${base}_${i}`;
    this.#names.add(candidate);
    return candidate;
  }

  fail(node: object, problem: Problem, part: Part = 'node'): never {
    const position = this.unit.positions.of(node, part);
    throw mapError(this.unit.name, position, this.#placed(position, problem));
  }

  /** A map that is not made from text has no lines: its group and rule tell the place. */
  #placed(position: Position, problem: Problem): Problem {
    const names = { group: this.group.name, rule: this.rule };
    return position.line > 0 ? problem : within(says('word-place', names), problem);
  }

  expression(text: string, position: Position, scope: Scope, self: SourceVariable | undefined) {
    const { name } = this.unit;
    const tree = parseExpression(text, name, position);
    const emitter = new ExpressionEmitter({
      scope,
      ...(self !== undefined && { self }),
      fail: (at, problem) => {
        throw mapError(name, placeIn(text, position, at), this.#placed(position, problem));
      },
      use: (usage) => this.use(usage),
      typeNamed: (type) => this.linker.typeNamed(this.unit, type),
      constant: (js) => this.linker.constant(js),
    });
    return { tree, emitter };
  }

  use(usage: Usage | undefined): void {
    if (usage !== undefined && usage.path.length > 0) this.self.reads.push(usage);
  }

  /** `, "field"` for a reader in the traced variant; the fast one reports no places, because it is run again to find them. */
  at(field: string): string {
    return this.linker.traced ? `, ${field}` : '';
  }

  site(type: string, element: string, value: boolean): number {
    const site = { map: this.unit.name, line: this.ruleLine, group: this.group.name, rule: this.rule, type, element, value };
    const number = this.linker.site(site);
    this.self.sites.add(number);
    return number;
  }

  ruleName(): string {
    return `${this.unit.name}#${this.group.name}/${this.rule}`;
  }

  /** Runs what may fail to compile and takes its lines back if it does. */
  attempt(emit: () => void): unknown {
    const lines = this.#lines.length;
    const { reads, calls, sites } = this.self;
    const before = { reads: reads.length, calls: calls.length, sites: new Set(sites), indent: this.#indent, depth: this.depth };
    const rule = { name: this.rule, line: this.ruleLine, field: this.ruleField, counts: this.counts, sharing: this.sharing };
    try {
      emit();
      return undefined;
    } catch (problem) {
      if (!(problem instanceof AppError)) throw problem;
      this.#lines.length = lines;
      reads.length = before.reads;
      calls.length = before.calls;
      for (const site of sites) if (!before.sites.has(site)) sites.delete(site);
      this.#indent = before.indent;
      this.depth = before.depth;
      this.rule = rule.name;
      this.ruleLine = rule.line;
      this.ruleField = rule.field;
      this.counts = rule.counts;
      this.sharing = rule.sharing;
      return problem;
    }
  }
}
