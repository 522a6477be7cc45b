import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';

/** Compiled profiles: checks resources against R4 and, where `meta.profile` names one of ours, against that profile. */
export interface Validator {
  /**
   * Structure, cardinality, types, primitive forms, required bindings, fixed and pattern values, reference targets.
   * Never throws on any JSON value; never puts a value into an issue.
   */
  validate(resource: unknown): readonly Issue[];
}

/** The platform's numbered rules, as data (`profiles/platform-rules.json`), on our stored form of a resource. */
export interface PlatformRules {
  /**
   * Findings in the order of the table, which is that of precedence.
   *
   * @param options.now instant against which future dates are judged
   * @param options.organizationId the sender's id on the platform, where what is given is what would be sent
   */
  check(resource: Resource, options: { now: string; organizationId?: string }): readonly Issue[];
}

/** What will become of a record on the platform, as far as it can be told before anything is queued. */
export interface Preflight {
  /** `server`: nothing speaks against it here, and the facts named are for the platform to know. */
  readonly verdict: 'accepted' | 'refused' | 'server';
  /** The first finding, by the order in which the platform judges; `rule` is its number there, where it has one. */
  readonly refusedBy?: Pick<Issue, 'rule' | 'code' | 'expression' | 'text'>;
  readonly onlyServer: readonly ServerFact[];
}

/** A fact that is not in the record: whether it holds, only the platform knows. */
export interface ServerFact {
  readonly fact: 'reference' | 'code' | 'person' | 'episode';
  /** Number under which the platform refuses it, where one is published. */
  readonly rule?: string;
  readonly expressions: readonly string[];
  readonly text: Issue['text'];
}
