use std::fmt;

/// What a credential is for, and so which fields it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialType {
    /// Amazon Web Services and what speaks its protocols.
    Aws,
    /// Google Cloud.
    Google,
    /// One token.
    Bearer,
    /// A name and a password.
    Basic,
    /// A client of an OAuth 2.0 server.
    Oauth2,
    /// A PostgreSQL database.
    Postgres,
    /// Any fields.
    Generic,
}

/// The field with the servers that a credential may be sent to.
pub(super) const HOSTS_FIELD: &str = "hosts";
/// What the names of fields with secrets have in them, where the type does not tell.
const SECRET_WORDS: [&str; 5] = ["secret", "token", "password", "passphrase", "key"];

impl CredentialType {
    /// Every type, in the order in which messages list them.
    pub const ALL: [Self; 7] = [
        Self::Aws,
        Self::Google,
        Self::Bearer,
        Self::Basic,
        Self::Oauth2,
        Self::Postgres,
        Self::Generic,
    ];

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name, as it stands in a credentials file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Google => "google",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
            Self::Oauth2 => "oauth2",
            Self::Postgres => "postgres",
            Self::Generic => "generic",
        }
    }

    /// The fields that a credential of this type may have; none where it may have any.
    #[must_use]
    pub const fn fields(self) -> Option<&'static [&'static str]> {
        Some(match self {
            Self::Aws => &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "region",
                "profile",
                "role_arn",
                "external_id",
                "web_identity_token_file",
                "endpoint",
                "path_style",
                HOSTS_FIELD,
            ],
            Self::Google => &[
                "access_token",
                "service_account_file",
                "service_account",
                "authorized_user_file",
                "authorized_user",
                "scopes",
                "endpoint",
                HOSTS_FIELD,
            ],
            Self::Bearer => &["token", HOSTS_FIELD],
            Self::Basic => &["username", "password", HOSTS_FIELD],
            Self::Oauth2 => &[
                "token_url",
                "client_id",
                "client_secret",
                "client_auth",
                "scopes",
                "audience",
                "refresh_token",
                HOSTS_FIELD,
            ],
            Self::Postgres => &["host", "port", "user", "password", "database", "sslmode"],
            Self::Generic => return None,
        })
    }

    /// The fields without which a credential of this type says nothing.
    #[must_use]
    pub const fn required_fields(self) -> &'static [&'static str] {
        match self {
            Self::Bearer => &["token"],
            Self::Basic => &["username", "password"],
            Self::Oauth2 => &["token_url", "client_id"],
            Self::Aws | Self::Google | Self::Postgres | Self::Generic => &[],
        }
    }

    /// Whether the field may hold a list or mapping.
    pub(super) fn takes_structure(self, field: &str) -> bool {
        self == Self::Generic
            || matches!(
                (self, field),
                (
                    Self::Google,
                    "service_account" | "authorized_user" | "scopes"
                ) | (Self::Oauth2, "scopes")
                    | (_, HOSTS_FIELD)
            )
    }

    /// The servers that a credential of this type is for without saying so, as patterns; none where any server
    /// may be meant.
    pub(super) const fn own_servers(self) -> &'static [&'static str] {
        match self {
            Self::Google => &["*.googleapis.com", "*.google.com"],
            // Most services have a name below these; what is sent there is a signature, and not the key.
            Self::Aws => &["*.amazonaws.com", "*.amazonaws.com.cn"],
            Self::Bearer | Self::Basic | Self::Oauth2 | Self::Postgres | Self::Generic => &[],
        }
    }

    /// The field that a keychain entry shows under another name, as playbooks of NoETL call it.
    pub(super) fn field_of_alias(self, alias: &str) -> Option<&'static str> {
        Some(match (self, alias) {
            (Self::Bearer, "access_token") => "token",
            (Self::Google | Self::Oauth2, "token") => "access_token",
            (Self::Google, "service_account_json") => "service_account",
            (Self::Aws, "access_key") => "access_key_id",
            (Self::Aws, "secret_key") => "secret_access_key",
            (Self::Basic, "user") => "username",
            (Self::Postgres, "username") => "user",
            _ => return None,
        })
    }

    /// The fields of this type that a server may have to give, under the names that a keychain entry has.
    pub(super) const fn given_fields(self) -> &'static [&'static str] {
        match self {
            Self::Google | Self::Oauth2 => &["access_token"],
            Self::Aws => &[
                "access_key_id",
                "secret_access_key",
                "session_token",
                "region",
            ],
            Self::Bearer | Self::Basic | Self::Postgres | Self::Generic => &[],
        }
    }

    /// The fields that programs take from their environment, and the variables; none where there are no
    /// such programs. For PostgreSQL, see its documentation of libpq.
    pub(super) const fn variables(self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Self::Postgres => Some(&[
                ("host", "PGHOST"),
                ("port", "PGPORT"),
                ("user", "PGUSER"),
                ("password", "PGPASSWORD"),
                ("database", "PGDATABASE"),
                ("sslmode", "PGSSLMODE"),
            ]),
            _ => None,
        }
    }

    /// Whether the field holds what must not be seen, so that it should not be short.
    pub(super) fn is_secret_field(self, field: &str) -> bool {
        match self {
            Self::Generic => SECRET_WORDS
                .iter()
                .any(|word| field.to_ascii_lowercase().contains(word)),
            _ => matches!(
                field,
                "secret_access_key"
                    | "session_token"
                    | "access_token"
                    | "token"
                    | "password"
                    | "client_secret"
                    | "refresh_token"
            ),
        }
    }
}

impl fmt::Display for CredentialType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
