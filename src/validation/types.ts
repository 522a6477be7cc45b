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
