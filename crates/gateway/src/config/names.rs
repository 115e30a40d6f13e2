//! Names that are set and that no setting has.
//!
//! `GATEWAY__SERVER__BNID` has the form of a setting's name, and is a mistake. `GATEWAY_SERVER_BIND` has not, and may be meant for another
//! program, so it is only warned of.

/// So many letters may be wrong, missing or exchanged in a name without the prefix of ours.
const TYPING_ERRORS: usize = 2;

/// The name in the environment of a setting: `GATEWAY__SERVER__BIND` for `server.bind`.
pub(super) fn variable(key: &str) -> String {
    format!("GATEWAY__{}", key.replace('.', "__").to_uppercase())
}

/// The known name that is most like this one.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known.map(|known| (distance(name, &known), known)).min().map(|(_, known)| known)
}

/// A warning for each variable that looks as if it were meant to be a setting, and is none.
pub(super) fn misnamed<'v>(
    variables: impl Iterator<Item = &'v str>,
    keys: impl Iterator<Item = String>,
) -> Vec<String> {
    let known: Vec<(String, String)> = keys.map(|key| (variable(&key), key)).collect();
    let warning = |name: &str| {
        if name.to_uppercase().starts_with("GATEWAY__") {
            return None; // it is read, so an unknown one is a mistake
        }
        let (far, right, key) =
            known.iter().map(|(right, key)| (distance(name, right), right, key)).min_by_key(|(far, ..)| *far)?;
        let is_meant = far <= TYPING_ERRORS || (plain(name).starts_with("GATEWAY_") && !is_injected(name));
        is_meant.then(|| {
            format!(
                "the environment variable {name} is set, and no setting has this name; the nearest is {right} ({key})"
            )
        })
    };
    variables.filter_map(warning).collect()
}

/// Kubernetes tells each container of the services beside it: one that is called `gateway` makes `GATEWAY_SERVICE_HOST` and `GATEWAY_PORT`.
fn is_injected(name: &str) -> bool {
    ["GATEWAY_SERVICE_HOST", "GATEWAY_PORT"].contains(&name)
        || ["GATEWAY_SERVICE_PORT", "GATEWAY_PORT_"].iter().any(|beginning| name.starts_with(beginning))
}

/// How many letters differ, apart from case and from how words are separated.
fn distance(one: &str, other: &str) -> usize {
    strsim::osa_distance(&plain(one), &plain(other))
}

fn plain(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_uppercase).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn a_variable_that_is_like_a_setting_is_warned_of_with_the_right_name() {
        for (set, right) in [
            ("GATEWAY_SERVER_BIND", "GATEWAY__SERVER__BIND"),
            ("GATEWAY_SERVER__BIND", "GATEWAY__SERVER__BIND"),
            ("gateway_server_bind", "GATEWAY__SERVER__BIND"),
            ("GATEWAY.SERVER.BIND", "GATEWAY__SERVER__BIND"),
            ("GATEWAY_SERVER_BNID", "GATEWAY__SERVER__BIND"),
            ("GATWAY__SERVER__BIND", "GATEWAY__SERVER__BIND"),
            ("GATEWAY_DATABASE_URL", "GATEWAY__DATABASE__URL"),
            ("GATEWAY_OAUTH_REFRESH_IDLE", "GATEWAY__OAUTH__REFRESH_IDLE_DAYS"),
            ("GATEWAY_ADMIN_TOKEN_FILE", "GATEWAY__ADMIN__TOKEN_FILE"),
        ] {
            let warnings = Config::from_variables(&[(set, "a value")]).unwrap().warnings;
            assert!(
                matches!(&warnings[..], [one] if one.contains(&format!(" {set} ")) && one.contains(&format!(" {right} "))),
                "{set}: {warnings:?}"
            );
            assert!(!warnings[0].contains("a value"), "it may be a secret");
        }
    }

    #[test]
    fn variables_of_other_programs_are_none_of_ours() {
        let others = [
            "PATH",
            "SERVER_BIND",
            "DATABASE_URL",
            "LOG_FORMAT",
            "GATEWAY_SERVICE_HOST",
            "GATEWAY_SERVICE_PORT_HTTP",
            "GATEWAY_PORT_8080_TCP_ADDR",
            "GATEWAY",
            "GATEWAYS_API_TOKEN",
        ];
        for other in others {
            assert_eq!(Config::from_variables(&[(other, "1")]).unwrap().warnings, [""; 0], "{other}");
        }
        assert_eq!(Config::from_variables(&[("GATEWAY_SERVER_BIND", "")]).unwrap().warnings, [""; 0], "empty is unset");
    }

    #[test]
    fn a_name_of_the_right_form_that_no_setting_has_is_a_mistake_with_the_nearest_name() {
        for (set, mistake) in [
            ("GATEWAY__LOG__LEVEL__GATEWAY", "log.level: there is no such setting; the nearest is log.filter"),
            ("GATEWAY__SERVER__BNID", "server.bnid: there is no such setting; the nearest is server.bind"),
            ("GATEWAY__SERVER_BIND", "server_bind: there is no such setting; the nearest is server.bind"),
            ("gateway__serve__bind", "serve.bind: there is no such setting; the nearest is server.bind"),
            (
                "GATEWAY__OAUTH__ACCESS_TOKEN_SECONDS",
                "oauth.access_token_seconds: there is no such setting; the nearest is oauth.access_token_minutes",
            ),
        ] {
            assert_eq!(Config::from_variables(&[(set, "1")]).unwrap_err().0, [format!("{mistake} (set by {set})")]);
        }
    }
}
