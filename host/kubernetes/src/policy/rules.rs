//! The fields that a job may set: any other field is denied.

use serde_json::Value;

use super::controls as control;
use super::metadata;
use super::references as reference;
use super::review::{Denial, Review};

/// What a place of a Job may contain.
pub(super) enum Rule {
    /// Anything.
    Any,
    /// What a control allows.
    Checked(Control),
    /// An object with these keys and no others.
    Object(Keys),
    /// An object whose other keys a control checks by their names.
    Open(Keys, fn(&Review<'_>, &str, &Value) -> Result<(), Denial>),
    /// A list whose elements follow this rule.
    Each(&'static Rule),
}

pub(super) type Control = fn(&Review<'_>, &Value) -> Result<(), Denial>;
pub(super) type Keys = &'static [(&'static str, Rule)];

use Rule::{Any, Checked, Each, Object, Open};

/// A Job.
pub(super) static JOB: Rule = Object(&[
    ("apiVersion", Any),
    ("kind", Any),
    (
        "metadata",
        Object(&[
            ("name", Any),
            ("namespace", Checked(reference::namespace)),
            ("labels", Open(&[], metadata::label)),
            ("annotations", Open(&[], metadata::annotation)),
        ]),
    ),
    (
        "spec",
        Object(&[
            ("activeDeadlineSeconds", Any),
            ("backoffLimit", Any),
            ("completions", Any),
            ("parallelism", Any),
            ("podFailurePolicy", Any),
            ("podReplacementPolicy", Any),
            ("suspend", Any),
            ("template", TEMPLATE),
            ("ttlSecondsAfterFinished", Any),
        ]),
    ),
]);

const TEMPLATE: Rule = Object(&[
    (
        "metadata",
        Object(&[
            ("labels", Open(&[], metadata::label)),
            ("annotations", Open(&[], metadata::annotation)),
        ]),
    ),
    ("spec", POD),
]);

const POD: Rule = Object(&[
    ("activeDeadlineSeconds", Any),
    ("affinity", AFFINITY),
    (
        "automountServiceAccountToken",
        Checked(reference::automount),
    ),
    ("containers", Each(&CONTAINER)),
    // How names are resolved concerns only the pod itself.
    ("dnsConfig", Any),
    ("dnsPolicy", Any),
    ("enableServiceLinks", Any),
    ("ephemeralContainers", Each(&CONTAINER)),
    ("hostAliases", Any),
    ("hostIPC", Checked(control::host_ipc)),
    ("hostNetwork", Checked(control::host_network)),
    ("hostPID", Checked(control::host_pid)),
    // Either value is at least as strict as none.
    ("hostUsers", Any),
    ("hostname", Any),
    (
        "imagePullSecrets",
        Each(&Object(&[("name", Checked(reference::image_pull_secret))])),
    ),
    ("initContainers", Each(&CONTAINER)),
    ("nodeSelector", Open(&[], metadata::node_label_key)),
    (
        "os",
        Object(&[("name", Checked(control::operating_system))]),
    ),
    ("preemptionPolicy", Any),
    ("priorityClassName", Checked(reference::priority_class)),
    ("resources", Object(&[("limits", Any), ("requests", Any)])),
    ("restartPolicy", Any),
    ("runtimeClassName", Checked(reference::runtime_class)),
    ("schedulerName", Checked(reference::scheduler)),
    (
        "securityContext",
        Object(&[
            ("appArmorProfile", APP_ARMOR),
            ("fsGroup", Any),
            ("fsGroupChangePolicy", Any),
            ("runAsGroup", Any),
            ("runAsNonRoot", Any),
            ("runAsUser", Checked(control::run_as_user)),
            ("seLinuxChangePolicy", Any),
            ("seLinuxOptions", SE_LINUX),
            ("seccompProfile", SECCOMP),
            ("supplementalGroups", Any),
            ("supplementalGroupsPolicy", Any),
            (
                "sysctls",
                Each(&Object(&[
                    ("name", Checked(control::sysctl)),
                    ("value", Any),
                ])),
            ),
            ("windowsOptions", WINDOWS),
        ]),
    ),
    ("serviceAccount", Checked(reference::service_account)),
    ("serviceAccountName", Checked(reference::service_account)),
    ("setHostnameAsFQDN", Any),
    ("shareProcessNamespace", Any),
    ("subdomain", Any),
    ("terminationGracePeriodSeconds", Any),
    ("tolerations", Each(&Checked(metadata::toleration))),
    ("topologySpreadConstraints", Any),
    ("volumes", Each(&VOLUME)),
]);

/// A container in any of the three lists.
static CONTAINER: Rule = Object(&[
    ("args", Any),
    ("command", Any),
    (
        "env",
        Each(&Object(&[
            ("name", Any),
            ("value", Any),
            (
                "valueFrom",
                Object(&[
                    ("configMapKeyRef", CONFIG_MAP_KEY),
                    ("fieldRef", Any),
                    ("resourceFieldRef", Any),
                    ("secretKeyRef", SECRET_KEY),
                ]),
            ),
        ])),
    ),
    (
        "envFrom",
        Each(&Object(&[
            ("configMapRef", CONFIG_MAP_KEY),
            ("prefix", Any),
            ("secretRef", SECRET_KEY),
        ])),
    ),
    ("image", Checked(reference::image)),
    ("imagePullPolicy", Any),
    (
        "lifecycle",
        Object(&[
            ("postStart", HANDLER),
            ("preStop", HANDLER),
            ("stopSignal", Any),
        ]),
    ),
    ("livenessProbe", PROBE),
    ("name", Any),
    (
        "ports",
        Each(&Object(&[
            ("containerPort", Any),
            ("hostIP", Checked(control::host_ip)),
            ("hostPort", Checked(control::host_port)),
            ("name", Any),
            ("protocol", Any),
        ])),
    ),
    ("readinessProbe", PROBE),
    ("resizePolicy", Any),
    ("resources", Object(&[("limits", Any), ("requests", Any)])),
    ("restartPolicy", Any),
    (
        "securityContext",
        Object(&[
            ("allowPrivilegeEscalation", Any),
            ("appArmorProfile", APP_ARMOR),
            (
                "capabilities",
                Object(&[("add", Each(&Checked(control::capability))), ("drop", Any)]),
            ),
            ("privileged", Checked(control::privileged)),
            ("procMount", Checked(control::proc_mount)),
            ("readOnlyRootFilesystem", Any),
            ("runAsGroup", Any),
            ("runAsNonRoot", Any),
            ("runAsUser", Checked(control::run_as_user)),
            ("seLinuxOptions", SE_LINUX),
            ("seccompProfile", SECCOMP),
            ("windowsOptions", WINDOWS),
        ]),
    ),
    ("startupProbe", PROBE),
    ("stdin", Any),
    ("stdinOnce", Any),
    ("targetContainerName", Any),
    ("terminationMessagePath", Any),
    ("terminationMessagePolicy", Any),
    ("tty", Any),
    // The volume determines the claim of a device.
    ("volumeDevices", Any),
    (
        "volumeMounts",
        Each(&Object(&[
            ("mountPath", Any),
            ("mountPropagation", Checked(control::mount_propagation)),
            ("name", Any),
            ("readOnly", Any),
            ("recursiveReadOnly", Any),
            ("subPath", Any),
            ("subPathExpr", Any),
        ])),
    ),
    ("workingDir", Any),
]);

static VOLUME: Rule = Open(
    &[
        ("name", Any),
        ("configMap", NAMED_CONFIG_MAP),
        ("downwardAPI", Any),
        ("emptyDir", Any),
        (
            "hostPath",
            Object(&[("path", Checked(reference::host_path)), ("type", Any)]),
        ),
        (
            "image",
            Object(&[
                ("pullPolicy", Any),
                ("reference", Checked(reference::image)),
            ]),
        ),
        (
            "persistentVolumeClaim",
            Object(&[
                ("claimName", Checked(reference::persistent_volume_claim)),
                ("readOnly", Any),
            ]),
        ),
        (
            "projected",
            Object(&[
                ("defaultMode", Any),
                (
                    "sources",
                    Each(&Object(&[
                        // The trust anchors of the cluster, which anyone may read.
                        ("clusterTrustBundle", Any),
                        ("configMap", NAMED_CONFIG_MAP),
                        ("downwardAPI", Any),
                        ("secret", NAMED_SECRET),
                        ("serviceAccountToken", Checked(reference::projected_token)),
                    ])),
                ),
            ]),
        ),
        ("secret", NAMED_SECRET),
    ],
    reference::volume_kind,
);

const NAMED_SECRET: Rule = Object(&[
    ("defaultMode", Any),
    ("items", Any),
    ("name", Checked(reference::secret)),
    ("optional", Any),
    ("secretName", Checked(reference::secret)),
]);

const SECRET_KEY: Rule = Object(&[
    ("key", Any),
    ("name", Checked(reference::secret)),
    ("optional", Any),
]);

const NAMED_CONFIG_MAP: Rule = Object(&[
    ("defaultMode", Any),
    ("items", Any),
    ("name", Checked(reference::config_map)),
    ("optional", Any),
]);

const CONFIG_MAP_KEY: Rule = Object(&[
    ("key", Any),
    ("name", Checked(reference::config_map)),
    ("optional", Any),
]);

const APP_ARMOR: Rule = Object(&[
    ("localhostProfile", Any),
    ("type", Checked(control::app_armor)),
]);

const SECCOMP: Rule = Object(&[
    ("localhostProfile", Any),
    ("type", Checked(control::seccomp)),
]);

const SE_LINUX: Rule = Object(&[
    ("level", Any),
    ("role", Checked(control::se_linux_name)),
    ("type", Checked(control::se_linux_type)),
    ("user", Checked(control::se_linux_name)),
]);

const WINDOWS: Rule = Object(&[
    ("hostProcess", Checked(control::host_process)),
    ("runAsUserName", Any),
]);

const PROBE: Rule = Object(&[
    ("exec", Any),
    ("failureThreshold", Any),
    ("grpc", Any),
    ("httpGet", HTTP_GET),
    ("initialDelaySeconds", Any),
    ("periodSeconds", Any),
    ("successThreshold", Any),
    ("tcpSocket", TCP_SOCKET),
    ("terminationGracePeriodSeconds", Any),
    ("timeoutSeconds", Any),
]);

const HANDLER: Rule = Object(&[
    ("exec", Any),
    ("httpGet", HTTP_GET),
    ("sleep", Any),
    ("tcpSocket", TCP_SOCKET),
]);

const HTTP_GET: Rule = Object(&[
    ("host", Checked(control::probe_host)),
    ("httpHeaders", Any),
    ("path", Any),
    ("port", Any),
    ("scheme", Any),
]);

const TCP_SOCKET: Rule = Object(&[("host", Checked(control::probe_host)), ("port", Any)]);

const AFFINITY: Rule = Object(&[
    (
        "nodeAffinity",
        Object(&[
            (
                "preferredDuringSchedulingIgnoredDuringExecution",
                Each(&Object(&[("preference", NODE_TERM), ("weight", Any)])),
            ),
            (
                "requiredDuringSchedulingIgnoredDuringExecution",
                Object(&[("nodeSelectorTerms", Each(&NODE_TERM))]),
            ),
        ]),
    ),
    ("podAffinity", Any),
    ("podAntiAffinity", Any),
]);

const NODE_TERM: Rule = Object(&[
    ("matchExpressions", Each(&NODE_REQUIREMENT)),
    ("matchFields", Each(&NODE_REQUIREMENT)),
]);

const NODE_REQUIREMENT: Rule = Object(&[
    ("key", Checked(metadata::node_label)),
    ("operator", Any),
    ("values", Any),
]);
