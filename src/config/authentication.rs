//! `authentication:`

use super::key::key;
use super::kinds::{DURATION, FILE, HTTPS, WEBHOOK, WORD};
use super::model::{Authentication, Oidc, TokenWebhook};
use super::read::Reader;

pub(super) fn authentication(reader: &mut Reader<'_, '_>) -> Authentication {
    let issuer = key(
        "oidc",
        "users prove who they are to an issuer of OpenID Connect",
    );
    let service = key(
        "token_webhook",
        "a service reviews the tokens that nobody here knows",
    );
    Authentication {
        oidc: reader.section(&issuer, oidc),
        token_webhook: reader.section(&service, token_webhook),
    }
}

fn oidc(reader: &mut Reader<'_, '_>) -> Option<Oidc> {
    let issuer = key("issuer_url", "URL of the issuer");
    let issuer = reader.required(&issuer.example("\"https://id.example.com\""), &HTTPS);
    let client = key("client_id", "client that tokens are for");
    let client = reader.required(&client.example("kubernetes"), &WORD);
    let name = key("username_claim", "claim with the user's name").default("sub");
    let name = reader.optional(&name.example("email"), &WORD);
    let prefix = key("username_prefix", "what is put before it; `-` is nothing")
        .default("the issuer and `#`; nothing before an `email`");
    let prefix = reader.optional(&prefix.example("\"oidc:\""), &WORD);
    let groups = key("groups_claim", "claim with the groups");
    let groups = reader.optional(&groups.example("groups"), &WORD);
    let before = key("groups_prefix", "what is put before them").default("nothing");
    let before = reader.optional(&before.example("\"oidc:\""), &WORD);
    let ca = key("ca_file", "path of the issuer's authority in PEM").default("the system's");
    let ca = reader.optional(&ca.example("oidc/ca.crt"), &FILE);
    Some(Oidc {
        issuer_url: issuer?,
        client_id: client?,
        username_claim: name.unwrap_or_else(|| "sub".to_owned()),
        username_prefix: prefix,
        groups_claim: groups,
        groups_prefix: before,
        ca_file: ca,
    })
}

fn token_webhook(reader: &mut Reader<'_, '_>) -> Option<TokenWebhook> {
    let given = reader.is_given();
    let found = reader.section(&key("config", "how to reach it"), |reader| {
        if given && !reader.is_given() {
            reader.wrong(
                "authentication/no-webhook",
                "a token webhook needs `config.cluster.server`",
                "add `config: { cluster: { name: tokens, server: \"https://tokens.example.com/review\" } }`",
            );
        }
        let (cluster, server, authority) =
            reader.section(&key("cluster", "the service"), service);
        let user = reader.section(&key("user", "who asks"), client);
        Some((cluster, server?, authority, user))
    });
    let ttl = key("cache_ttl", "how long an answer holds").default("2m");
    let cache_ttl = reader.optional(&ttl.example("5m"), &DURATION);
    let (cluster, server, certificate_authority, [user, client_certificate, client_key]) = found?;
    Some(TokenWebhook {
        cluster: cluster.unwrap_or_else(|| "token-webhook".to_owned()),
        server,
        certificate_authority,
        user: user.unwrap_or_else(|| "kube-apiserver".to_owned()),
        client_certificate,
        client_key,
        cache_ttl,
    })
}

type Service = (Option<String>, Option<String>, Option<String>);

fn service(reader: &mut Reader<'_, '_>) -> Service {
    let name = key("name", "a name for it").default("token-webhook");
    let name = reader.optional(&name.example("tokens"), &WORD);
    let server = key("server", "its URL");
    let server = reader.required(
        &server.example("\"https://tokens.example.com/review\""),
        &WEBHOOK,
    );
    let authority = key("certificate_authority", "path of its authority in PEM");
    let authority = authority.default("the system's").example("tokens/ca.crt");
    (name, server, reader.optional(&authority, &FILE))
}

fn client(reader: &mut Reader<'_, '_>) -> [Option<String>; 3] {
    let name = key("name", "a name for it").default("kube-apiserver");
    let certificate = key("client_certificate", "path of the client certificate");
    let secret = key("client_key", "path of the client key");
    [
        reader.optional(&name.example("apiserver"), &WORD),
        reader.optional(&certificate.example("tokens/client.crt"), &FILE),
        reader.optional(&secret.example("tokens/client.key"), &FILE),
    ]
}
