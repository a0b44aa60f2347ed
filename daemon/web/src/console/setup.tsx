import { useState } from "preact/hooks";
import { type ApiError, type Session, api } from "../api.ts";
import { t } from "../i18n/console.ts";
import { adopt } from "../session.ts";
import { Button, Refusal } from "../ui/basics.tsx";
import { Field, Text } from "../ui/forms.tsx";
import { Gate } from "./gate.tsx";

/** Shortest password that the form sends; the daemon judges again. */
export const PASSWORD_LENGTH_MIN = 12;

/** First start: the token that the daemon printed, and the first administrator. */
export function SetUp() {
  const [token, setToken] = useState("");
  const [username, setUsername] = useState("");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const [repeated, setRepeated] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const short = password !== "" && password.length < PASSWORD_LENGTH_MIN ? t("account.password.short", { n: PASSWORD_LENGTH_MIN }) : undefined;
  const differs = repeated !== "" && repeated !== password ? t("account.password.differs") : undefined;
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      adopt(await api.post<Session>("/setup", { token: token.trim(), username: username.trim(), password, display_name: displayName.trim() }));
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  return (
    <Gate title={t("setup.title")} text={t("setup.text")}>
      <form onSubmit={(event) => { event.preventDefault(); if (!short && !differs && repeated === password) void send(); }}>
        <Field label={t("setup.token")} hint={t("setup.token.hint")}>
          {(id) => <Text id={id} value={token} onInput={setToken} required test="setup-token" focus />}
        </Field>
        <Field label={t("account.display_name")} hint={t("account.display_name.hint")}>
          {(id) => <Text id={id} value={displayName} onInput={setDisplayName} required autoComplete="name" maxLength={80} test="display-name" />}
        </Field>
        <Field label={t("account.username")}>
          {(id) => <Text id={id} value={username} onInput={setUsername} required autoComplete="username" maxLength={64} test="username" />}
        </Field>
        <Field label={t("account.password")} hint={t("account.password.hint", { n: PASSWORD_LENGTH_MIN })} bad={short}>
          {(id) => <Text id={id} type="password" value={password} onInput={setPassword} required autoComplete="new-password" maxLength={256} test="password" />}
        </Field>
        <Field label={t("account.password.repeat")} bad={differs}>
          {(id) => <Text id={id} type="password" value={repeated} onInput={setRepeated} required autoComplete="new-password" maxLength={256} test="password-repeat" />}
        </Field>
        <Refusal error={error} />
        <Button type="submit" kind="primary" busy={busy} test="set-up">{t("setup.do")}</Button>
      </form>
    </Gate>
  );
}
