/**
 * The element table of FHIR R4 that mapping and validation compile against: `profiles/r4/elements.json`, made from HL7's
 * StructureDefinitions for the types this service uses. Keys are type names and paths of backbone elements
 * (`Observation`, `Observation.component`, `Quantity`).
 */
export type R4Elements = Readonly<Record<string, R4Type>>;

export interface R4Type {
  readonly kind: 'resource' | 'complex-type' | 'backbone';
  readonly elements: Readonly<Record<string, R4Element>>;
}

export interface R4Element {
  readonly min: number;
  readonly max: number | '*';
  /** FHIR type codes; primitives by their lower-case names. A choice element is listed under its base name (`value`) with `choice`. */
  readonly types: ReadonlyArray<{ readonly code: string; readonly targets?: readonly string[] }>;
  readonly choice?: true;
  /** A Quantity that may have no comparator (HL7's profile SimpleQuantity). */
  readonly simple?: true;
  /** Key of the table that describes the content, for backbone elements and content references. */
  readonly ref?: string;
  readonly binding?: { readonly strength: 'required' | 'extensible' | 'preferred' | 'example'; readonly valueSet: string };
}
