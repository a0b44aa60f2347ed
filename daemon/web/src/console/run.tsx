import { useState } from "preact/hooks";
import { type ApiError, type PlaybookRow, type Run, type RunStep, api } from "../api.ts";
import { useNow } from "../clock.ts";
import { duration, timeWithSeconds, when } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { eventKind, reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { may } from "../session.ts";
import { Button, Empty, Failure, Loading, Name, PageHead, Panel, Refusal } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field, Text } from "../ui/forms.tsx";

const STEP_KINDS = ["notify", "wait", "approve", "exec"] as const;

function stepKind(kind: string): string {
  const known = STEP_KINDS.find((one) => one === kind);
  return known ? t(`step.kind.${known}`) : kind;
}

const TONE: Record<Run["state"], string> = { running: "live", waiting: "", approval: "degraded", done: "ok", failed: "critical", interrupted: "degraded" };
const STEP_TONE: Record<RunStep["state"], string> = { pending: "", intended: "live", done: "ok", failed: "critical", skipped: "", interrupted: "degraded", waiting: "", approval: "degraded" };

export function RunTag({ state }: { state: Run["state"] }) {
  return <span class={`tag ${TONE[state]}`} data-test="run-state" data-state={state}>{t(`run.state.${state}`)}</span>;
}

/** What people call the playbook; its name when it is no longer loaded. */
export function titleOf(playbooks: readonly PlaybookRow[] | undefined, run: Run): string {
  return playbooks?.find((one) => one.name === run.playbook)?.title || run.playbook;
}

/** One run, step by step, with what waits for a person. */
export function RunPage({ id }: { id: string }) {
  const now = useNow();
  const resource = useResource<Run>(`/runs/${encodeURIComponent(id)}`, ["runs"]);
  const playbooks = useResource<PlaybookRow[]>("/playbooks");
  const run = resource.data;
  if (!run) {
    if (resource.error?.code === "not_found") return <Empty title={t("run.not_found")}><Link href="/kich-ban">{t("playbooks.title")}</Link></Empty>;
    return resource.error ? <Failure error={resource.error} retry={resource.reload} /> : <Loading />;
  }
  return (
    <>
      <PageHead title={<Name>{titleOf(playbooks.data, run)}</Name>} sub={<><RunTag state={run.state} /> {t("run.title", { id: String(run.id) })} · <Link href="/kich-ban">{t("playbooks.title")}</Link></>} />
      <div class="stack">
        <Panel>
          <dl class="facts">
            <dt>{t("run.cause")}</dt><dd>{eventKind(run.event.kind)}: <Name>{run.event.subject}</Name>. {reasonSentence(run.event.reason)} <span class="quiet num">({when(run.event.at, now)})</span></dd>
            <dt>{t("run.started")}</dt><dd class="num">{when(run.started_at, now)}{run.finished_at && `. ${t("run.took", { duration: duration((Date.parse(run.finished_at) - Date.parse(run.started_at)) / 1000) })}`}</dd>
          </dl>
        </Panel>
        <Panel title={t("playbooks.steps")}>
          <ol class="run-steps" data-test="run-steps">
            {run.steps.map((step) => (
              <li key={step.index} class={`run-step ${step.state}`} data-state={step.state}>
                <span class={`tag ${STEP_TONE[step.state]}`}>{t(`step.${step.state}`)}</span>
                <div>
                  <p><b><Name>{step.title}</Name></b> <span class="quiet"><Name>{stepKind(step.kind)}</Name></span></p>
                  {step.detail && <p class="quiet"><Name>{step.kind === "notify" && step.detail === "log" ? t("step.detail.log") : step.detail}</Name></p>}
                  {step.state === "approval" && may("operate") && <Approval run={run} step={step} done={resource.put} />}
                </div>
                <span class="quiet num">{step.at && timeWithSeconds(step.at)}</span>
              </li>
            ))}
          </ol>
        </Panel>
      </div>
    </>
  );
}

function Approval({ run, step, done }: { run: Run; step: RunStep; done: (run: Run) => void }) {
  const [asking, ask] = useState<"approve" | "reject" | null>(null);
  const [note, setNote] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      done(await api.post<Run>(`/runs/${run.id}/approval`, { step: step.index, approve: asking === "approve", note: note.trim() }));
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  return (
    <div class="approval-acts">
      <Button kind="primary" test="approve" onClick={() => ask("approve")}>{t("run.approve")}</Button>
      <Button kind="danger" test="reject" onClick={() => ask("reject")}>{t("run.reject")}</Button>
      {asking && (
        <Dialog title={t(`run.${asking}.title`, { n: step.index + 1 })} onClose={() => ask(null)}>
          <form onSubmit={(event) => { event.preventDefault(); void send(); }}>
            <p><b><Name>{step.title}</Name></b></p>
            <Field label={t("run.note")}>{(id) => <Text id={id} value={note} onInput={setNote} maxLength={500} test="approval-note" focus />}</Field>
            <Refusal error={error} />
            <div class="actions">
              <Button onClick={() => ask(null)}>{common("cancel")}</Button>
              <Button type="submit" kind={asking === "approve" ? "primary" : "danger"} busy={busy} test="approval-send">{t(`run.${asking}`)}</Button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}
