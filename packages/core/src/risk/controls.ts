/**
 * Controls that switch somebody off: whom they have switched off, on record, until an operator says otherwise (the rule
 * books want a named person for that). It is a row of the journal, so that a takeover switches nobody on again.
 */
import type { ControlSwitched, SwitchingControl } from "../formats/events.ts";
import type { DisabledRow, EngineRow } from "../orders/state.ts";

/** What an event about a control makes of the engine's row. */
export function switched(engine: EngineRow, event: ControlSwitched): Pick<EngineRow, "disabled" | "riskDay"> {
  const { control, subject, by, reason, atWallMs } = event;
  const others = (engine.disabled ?? []).filter((row) => row.control !== control || row.subject !== subject);
  const disabled = event.enabled ? others : [...others, { control, subject, by, reason, atWallMs }];
  if (event.total === undefined) return { disabled };
  const { day, totals } = engine.riskDay ?? { day: 0, totals: {} };
  return { disabled, riskDay: { day, totals: { ...totals, [subject]: event.total } } };
}

/** That a control has switched a subject off; undefined when it has not. */
export function disabledBy(engine: EngineRow, control: SwitchingControl, subject: string): DisabledRow | undefined {
  return engine.disabled?.find((row) => row.control === control && row.subject === subject);
}
