import { useState } from "preact/hooks";
import { type ApiError, type Session, api } from "../api.ts";
import { t } from "../i18n/console.ts";
import { adopt } from "../session.ts";
import { Button, Refusal } from "../ui/basics.tsx";
import { Field, Text } from "../ui/forms.tsx";
import { Gate } from "./gate.tsx";

export function SignIn() {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      adopt(await api.post<Session>("/session", { username: username.trim(), password }));
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  return (
    <Gate title={t("signin.title")} text={t("signin.text")}>
      <form onSubmit={(event) => { event.preventDefault(); void send(); }}>
        <Field label={t("account.username")}>
          {(id) => <Text id={id} name="username" value={username} onInput={setUsername} required autoComplete="username" maxLength={64} test="username" focus />}
        </Field>
        <Field label={t("account.password")}>
          {(id) => <Text id={id} name="password" type="password" value={password} onInput={setPassword} required autoComplete="current-password" maxLength={256} test="password" />}
        </Field>
        <Refusal error={error} />
        <Button type="submit" kind="primary" busy={busy} test="sign-in">{t("signin.do")}</Button>
      </form>
    </Gate>
  );
}
