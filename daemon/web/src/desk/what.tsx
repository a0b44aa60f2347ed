import { d } from "../i18n/desk.ts";
import { Field, Select, Text } from "../ui/forms.tsx";
import { dayName } from "../format.ts";
import { isDay, startOf } from "./days.ts";
import { COUNT_MAX, type Draft, clockOf, faultOfWhat, overnight } from "./draft.ts";

const QUARTERS = Array.from({ length: 4 * 15 }, (_, index) => clockOf(`${6 + Math.floor(index / 4)}:${["00", "15", "30", "45"][index % 4]}`)!);

/** A clock of 24 hours: the browser's own field would follow the system's language, and "10:00 PM" misleads here. */
export function Clock({ id, value, put, test }: { id: string; value: string; put: (value: string) => void; test: string }) {
  return (
    <>
      <input id={id} class="input num" list={`${id}-times`} value={value} maxLength={5} inputMode="numeric" autocomplete="off" data-test={test} onInput={(event) => put(event.currentTarget.value)} onBlur={() => put(clockOf(value) ?? value)} />
      <datalist id={`${id}-times`}>{QUARTERS.map((quarter) => <option key={quarter} value={quarter} />)}</datalist>
    </>
  );
}

/** Title, time, repetition. */
export function What({ draft, put, tried }: { draft: Draft; put: (change: Partial<Draft>) => void; tried: boolean }) {
  const fault = tried ? faultOfWhat(draft) : null;
  return (
    <div class="stack">
      <Field label={d("what.title")} hint={d("what.title.hint")} bad={fault === "title" ? d("what.title.missing") : undefined}>
        {(id) => <Text id={id} value={draft.title} onInput={(title) => put({ title })} maxLength={200} test="title" focus />}
      </Field>
      <div class="form-grid">
        <Field label={d("what.date")} bad={fault === "time_missing" ? d("what.time.missing") : undefined} hint={isDay(draft.day) ? dayName(startOf(draft.day)) : undefined}>
          {(id) => <Text id={id} type="date" value={draft.day} onInput={(day) => put({ day })} test="date" />}
        </Field>
        <Field label={d("what.from")}>{(id) => <Clock id={id} value={draft.from} put={(from) => put({ from })} test="from" />}</Field>
        <Field label={d("what.to")} bad={fault === "time_bad" ? d("what.time.bad") : undefined} hint={overnight(draft) ? d("what.overnight") : undefined}>
          {(id) => <Clock id={id} value={draft.to} put={(to) => put({ to })} test="to" />}
        </Field>
      </div>
      <div class="form-grid">
        <Field label={d("what.repeat")}>
          {(id) => (
            <Select<Draft["repeat"]>
              id={id} value={draft.repeat} onChange={(repeat) => put({ repeat })} test="repeat"
              options={[["none", d("what.repeat.none")], ["day", d("what.repeat.day")], ["week", d("what.repeat.week")], ["month", d("what.repeat.month")]]}
            />
          )}
        </Field>
        {draft.repeat !== "none" && (
          <Field label={d("what.repeat.count")}>
            {(id) => <Text id={id} type="number" min={1} max={COUNT_MAX} value={draft.count} onInput={(count) => put({ count })} test="count" />}
          </Field>
        )}
      </div>
      <Field label={d("what.description")}>
        {(id) => <textarea id={id} class="input" rows={4} maxLength={4000} value={draft.description} data-test="description" onInput={(event) => put({ description: event.currentTarget.value })} />}
      </Field>
    </div>
  );
}
