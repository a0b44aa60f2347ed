import { d } from "../i18n/desk.ts";
import { Field, Select, Text } from "../ui/forms.tsx";
import { COUNT_MAX, type Draft, faultOfWhat, overnight } from "./draft.ts";

/** Title, time, repetition. */
export function What({ draft, put, tried }: { draft: Draft; put: (change: Partial<Draft>) => void; tried: boolean }) {
  const fault = tried ? faultOfWhat(draft) : null;
  return (
    <div class="stack">
      <Field label={d("what.title")} hint={d("what.title.hint")} bad={fault === "title" ? d("what.title.missing") : undefined}>
        {(id) => <Text id={id} value={draft.title} onInput={(title) => put({ title })} maxLength={200} test="title" focus />}
      </Field>
      <div class="form-grid">
        <Field label={d("what.date")} bad={fault === "time_missing" ? d("what.time.missing") : undefined}>
          {(id) => <Text id={id} type="date" value={draft.day} onInput={(day) => put({ day })} test="date" />}
        </Field>
        <Field label={d("what.from")}>{(id) => <Text id={id} type="time" value={draft.from} onInput={(from) => put({ from })} test="from" />}</Field>
        <Field label={d("what.to")} bad={fault === "time_bad" ? d("what.time.bad") : undefined} hint={overnight(draft) ? d("what.overnight") : undefined}>
          {(id) => <Text id={id} type="time" value={draft.to} onInput={(to) => put({ to })} test="to" />}
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
