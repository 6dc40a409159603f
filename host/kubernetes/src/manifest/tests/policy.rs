//! What the policy of a host allows for a job.

#![expect(
    clippy::too_many_lines,
    clippy::large_stack_arrays,
    clippy::needless_pass_by_value,
    reason = "the tests are tables of cases"
)]

use toolhost_capability::FieldPath;

use super::*;
use crate::policy::PodSecurity;

/// Creates the full example with this in its pod template, under a policy.
fn under(policy: &Policy, options: Value) -> Result<Manifest, CapabilityError> {
    let settings = ManifestSettings {
        policy: Arc::new(policy.clone()),
        ..ManifestSettings::default()
    };
    Manifest::new(&with(options), &settings)
}

/// Returns the field that is denied under the policy; none where everything is allowed.
fn denied(policy: &Policy, options: Value) -> Option<String> {
    let error = under(policy, options).err()?;
    assert_eq!(error.explanation.reason, Reason::Denied, "{error}");
    assert!(
        error
            .explanation
            .hint_text()
            .unwrap()
            .contains("\n\nkubernetes:\n  "),
        "{error:?}"
    );
    error.explanation.field_text()
}

fn template(spec: Value) -> Value {
    json!({"podTemplate": {"spec": spec}})
}

/// Returns a hardened container with a change, in one of the lists of a pod, and its path in the playbook.
fn container(list: &str, change: &Value) -> (Value, String) {
    let hardened = json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let mut container = json!({"name": "other", "image": "busybox", "securityContext": hardened});
    merge::merge(&mut container, change, &FieldPath::default()).unwrap();
    let place = format!("podTemplate.spec.{list}[0]");
    (template(json!({list: [container]})), place)
}

const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The default policy with a change.
fn policy(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = Policy::default();
    change(&mut policy);
    policy
}

fn baseline() -> Policy {
    policy(|policy| policy.pod_security = PodSecurity::Baseline)
}

fn images(images: &[&str]) -> Policy {
    let images = images.iter().map(|image| image.parse().unwrap()).collect();
    policy(|policy| policy.images = Some(images))
}

#[test]
fn the_specification_passes_the_default() {
    let gpu = json!({"image": "tensorflow/tensorflow:2.14.0-gpu"});
    let mut request = with(gpu);
    for quantities in [&mut request.requests, &mut request.limits] {
        quantities.insert("nvidia.com/gpu".into(), "1".into());
    }
    Manifest::new(&request, &ManifestSettings::default()).unwrap();
    for options in [
        json!({}),
        json!({"image": "custom/spark-python:3.4"}),
        json!({"image": "postgres:15-alpine", "namespace": "noetl"}),
        json!({"imagePullPolicy": "Always", "ttlSecondsAfterFinished": 60}),
        json!({"nodeSelector": {"disk": "ssd"}, "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}),
        json!({"volumes": [{"name": "cache", "emptyDir": {}}],
               "volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}),
        json!({"securityContext": {"runAsUser": 1000, "runAsNonRoot": true}}),
    ] {
        assert_eq!(
            denied(&Policy::default(), options.clone()),
            None,
            "{options}"
        );
    }
    // In every form of storage.
    for bytes in [0, 900_000, 900_001] {
        Manifest::new(&with_script(bytes), &ManifestSettings::default()).unwrap();
    }
}

/// Control by control: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>. Each has a value that is
/// denied, at its path within a container, and one that is allowed.
#[test]
fn every_control_of_a_container_holds_in_all_three_lists() {
    let context = |context: Value| json!({"securityContext": context});
    let handler = |host: &str| json!({"httpGet": {"port": 80, "host": host}});
    for (control, wrong, path, right) in [
        (
            "HostProcess",
            context(json!({"windowsOptions": {"hostProcess": true}})),
            "securityContext.windowsOptions.hostProcess",
            context(json!({"windowsOptions": {"hostProcess": false}})),
        ),
        (
            "Privileged containers",
            context(json!({"privileged": true})),
            "securityContext.privileged",
            context(json!({"privileged": false})),
        ),
        (
            "Capabilities",
            context(json!({"capabilities": {"add": ["SYS_ADMIN"]}})),
            "securityContext.capabilities.add[0]",
            context(json!({"capabilities": {"add": ["NET_BIND_SERVICE"]}})),
        ),
        (
            "Capabilities by another spelling",
            context(json!({"capabilities": {"add": ["NET_BIND_SERVICE", "cap_net_raw"]}})),
            "securityContext.capabilities.add[1]",
            context(json!({"capabilities": {"add": ["CAP_NET_BIND_SERVICE"]}})),
        ),
        (
            "Capabilities: all",
            context(json!({"capabilities": {"add": ["ALL"]}})),
            "securityContext.capabilities.add[0]",
            context(json!({"capabilities": {"add": []}})),
        ),
        (
            "Host ports",
            json!({"ports": [{"containerPort": 80, "hostPort": 80}]}),
            "ports[0].hostPort",
            json!({"ports": [{"containerPort": 80, "hostPort": 0}]}),
        ),
        (
            "Host probes",
            json!({"livenessProbe": handler("169.254.169.254")}),
            "livenessProbe.httpGet.host",
            json!({"livenessProbe": handler("")}),
        ),
        (
            "Host probes",
            json!({"readinessProbe": {"tcpSocket": {"port": 22, "host": "127.0.0.1"}}}),
            "readinessProbe.tcpSocket.host",
            json!({"readinessProbe": {"tcpSocket": {"port": 22}}}),
        ),
        (
            "Host probes",
            json!({"startupProbe": handler("a")}),
            "startupProbe.httpGet.host",
            json!({"startupProbe": {"exec": {"command": ["true"]}}}),
        ),
        (
            "Lifecycle hooks",
            json!({"lifecycle": {"postStart": handler("a")}}),
            "lifecycle.postStart.httpGet.host",
            json!({"lifecycle": {"postStart": handler("")}}),
        ),
        (
            "Lifecycle hooks",
            json!({"lifecycle": {"preStop": {"tcpSocket": {"port": 1, "host": "a"}}}}),
            "lifecycle.preStop.tcpSocket.host",
            json!({"lifecycle": {"preStop": {"sleep": {"seconds": 1}}}}),
        ),
        (
            "AppArmor",
            context(json!({"appArmorProfile": {"type": "Unconfined"}})),
            "securityContext.appArmorProfile.type",
            context(json!({"appArmorProfile": {"type": "RuntimeDefault"}})),
        ),
        (
            "SELinux type",
            context(json!({"seLinuxOptions": {"type": "spc_t"}})),
            "securityContext.seLinuxOptions.type",
            context(json!({"seLinuxOptions": {"type": "container_t", "level": "s0:c1"}})),
        ),
        (
            "SELinux user",
            context(json!({"seLinuxOptions": {"user": "system_u"}})),
            "securityContext.seLinuxOptions.user",
            context(json!({"seLinuxOptions": {"user": ""}})),
        ),
        (
            "SELinux role",
            context(json!({"seLinuxOptions": {"role": "sysadm_r"}})),
            "securityContext.seLinuxOptions.role",
            context(json!({"seLinuxOptions": {"role": ""}})),
        ),
        (
            "/proc mount type",
            context(json!({"procMount": "Unmasked"})),
            "securityContext.procMount",
            context(json!({"procMount": "Default"})),
        ),
        (
            "Seccomp",
            context(json!({"seccompProfile": {"type": "Unconfined"}})),
            "securityContext.seccompProfile.type",
            context(json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "a.json"}})),
        ),
        (
            "Privilege escalation",
            context(json!({"allowPrivilegeEscalation": true})),
            "securityContext.allowPrivilegeEscalation",
            context(json!({"allowPrivilegeEscalation": false})),
        ),
        (
            "Privilege escalation, unsaid",
            context(json!({"allowPrivilegeEscalation": null})),
            "securityContext",
            context(json!({"readOnlyRootFilesystem": true})),
        ),
        (
            "Capabilities, dropped",
            context(json!({"capabilities": {"drop": ["NET_RAW"]}})),
            "securityContext.capabilities",
            context(json!({"capabilities": {"drop": ["NET_RAW", "ALL"]}})),
        ),
        // What the standards leave to other mechanisms.
        (
            "Images",
            json!({"image": "evil.example.com/x"}),
            "image",
            json!({"image": "busybox:1"}),
        ),
        (
            "Other people's Secrets",
            json!({"envFrom": [{"secretRef": {"name": "db"}}]}),
            "envFrom[0].secretRef.name",
            json!({"envFrom": [{"secretRef": {"name": "script-data-processor-522095307073519743-toolhost"}}]}),
        ),
        (
            "Other people's Secrets",
            json!({"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db", "key": "a"}}}]}),
            "env[0].valueFrom.secretKeyRef.name",
            json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
        ),
        (
            "Other people's ConfigMaps",
            json!({"envFrom": [{"configMapRef": {"name": "settings"}}]}),
            "envFrom[0].configMapRef.name",
            json!({"envFrom": [{"configMapRef": {
                "name": "script-data-processor-522095307073519743-script-00"
            }}]}),
        ),
        (
            "Other people's ConfigMaps",
            json!({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "b", "key": "a"}}}]}),
            "env[0].valueFrom.configMapKeyRef.name",
            json!({"env": [{"name": "A", "value": "b"}]}),
        ),
        (
            "Mount propagation",
            json!({"volumeMounts": [{"name": "a", "mountPath": "/a", "mountPropagation": "Bidirectional"}]}),
            "volumeMounts[0].mountPropagation",
            json!({"volumeMounts": [{"name": "a", "mountPath": "/a", "mountPropagation": "None"}]}),
        ),
        (
            "Devices by claim",
            json!({"resources": {"claims": [{"name": "gpu"}]}}),
            "resources.claims",
            json!({"resources": {"limits": {"nvidia.com/gpu": 1}}}),
        ),
    ] {
        let policy = images(&["python", "busybox"]);
        for list in LISTS {
            let (options, place) = container(list, &wrong);
            let expected = format!("{place}.{path}");
            let field = denied(&policy, options);
            assert_eq!(field, Some(expected), "{control} in {list}");
            let (options, _) = container(list, &right);
            assert_eq!(denied(&policy, options), None, "{control} in {list}");
        }
    }
}

#[test]
fn every_control_of_a_pod_holds() {
    let context = |context: Value| json!({"securityContext": context});
    let volume = |source: Value| {
        let mut volume = json!({"name": "a"});
        merge::merge(&mut volume, &source, &FieldPath::default()).unwrap();
        json!({"volumes": [volume]})
    };
    let terms = |key: &str| json!([{"matchExpressions": [{"key": key, "operator": "Exists"}]}]);
    let node_affinity = |key: &str| {
        let required = json!({"nodeSelectorTerms": terms(key)});
        json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}})
    };
    let policy = policy(|policy| policy.node_labels = Some(vec!["disk".parse().unwrap()]));
    for (control, wrong, path, right) in [
        (
            "Host namespaces",
            json!({"hostNetwork": true}),
            "hostNetwork",
            json!({"hostNetwork": false}),
        ),
        (
            "Host namespaces",
            json!({"hostPID": true}),
            "hostPID",
            json!({"hostPID": false}),
        ),
        (
            "Host namespaces",
            json!({"hostIPC": true}),
            "hostIPC",
            json!({"hostUsers": false}),
        ),
        (
            "HostProcess",
            context(json!({"windowsOptions": {"hostProcess": true}})),
            "securityContext.windowsOptions.hostProcess",
            context(json!({"windowsOptions": {"hostProcess": false}})),
        ),
        (
            "HostPath volumes",
            volume(json!({"hostPath": {"path": "/"}})),
            "volumes[0].hostPath.path",
            volume(json!({"emptyDir": {"medium": "Memory"}})),
        ),
        (
            "AppArmor",
            context(json!({"appArmorProfile": {"type": "Unconfined"}})),
            "securityContext.appArmorProfile.type",
            context(json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": "a"}})),
        ),
        (
            "SELinux",
            context(json!({"seLinuxOptions": {"type": "unconfined_t"}})),
            "securityContext.seLinuxOptions.type",
            context(json!({"seLinuxOptions": {"type": "container_init_t"}})),
        ),
        (
            "Seccomp",
            context(json!({"seccompProfile": {"type": "Unconfined"}})),
            "securityContext.seccompProfile.type",
            context(json!({"seccompProfile": {"type": "RuntimeDefault"}})),
        ),
        (
            "Seccomp, unsaid",
            json!({"securityContext": null}),
            "securityContext",
            context(json!({"fsGroup": 1000})),
        ),
        (
            "Sysctls",
            context(json!({"sysctls": [{"name": "kernel.core_pattern", "value": "|/x"}]})),
            "securityContext.sysctls[0].name",
            context(json!({"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]})),
        ),
        (
            "Sysctls by another spelling",
            context(json!({"sysctls": [{"name": "kernel/core_pattern", "value": "|/x"}]})),
            "securityContext.sysctls[0].name",
            context(json!({"sysctls": [{"name": "net/ipv4/tcp_syncookies", "value": "1"}]})),
        ),
        (
            "Volume types",
            volume(json!({"nfs": {"server": "a", "path": "/"}})),
            "volumes[0].nfs",
            volume(json!({"downwardAPI": {"items": []}})),
        ),
        (
            "Volume types",
            volume(json!({"csi": {"driver": "secrets-store.csi.k8s.io"}})),
            "volumes[0].csi",
            volume(json!({"image": {"reference": "busybox"}})),
        ),
        (
            "Volume types",
            volume(json!({"gitRepo": {"repository": "x"}})),
            "volumes[0].gitRepo",
            volume(json!({"emptyDir": {}})),
        ),
        (
            // Its claim may be a copy of another user's.
            "Volume types",
            volume(json!({"ephemeral": {"volumeClaimTemplate": {"spec": {}}}})),
            "volumes[0].ephemeral",
            volume(json!({"emptyDir": {}})),
        ),
        (
            "Other people's Secrets",
            volume(json!({"secret": {"secretName": "db"}})),
            "volumes[0].secret.secretName",
            volume(
                json!({"secret": {"secretName": "script-data-processor-522095307073519743-toolhost"}}),
            ),
        ),
        (
            "Other people's Secrets",
            volume(json!({"projected": {"sources": [{"secret": {"name": "db"}}]}})),
            "volumes[0].projected.sources[0].secret.name",
            volume(json!({"projected": {"sources": [{"downwardAPI": {"items": []}}]}})),
        ),
        (
            "Other people's ConfigMaps",
            volume(json!({"configMap": {"name": "settings"}})),
            "volumes[0].configMap.name",
            volume(
                json!({"configMap": {"name": "script-data-processor-522095307073519743-script-00"}}),
            ),
        ),
        (
            // Another job's Secret whose name begins alike.
            "Other people's ConfigMaps",
            volume(
                json!({"configMap": {"name": "script-data-processor-522095307073519743-script-0x"}}),
            ),
            "volumes[0].configMap.name",
            volume(json!({"emptyDir": {}})),
        ),
        (
            "Other people's data",
            volume(json!({"persistentVolumeClaim": {"claimName": "data"}})),
            "volumes[0].persistentVolumeClaim.claimName",
            volume(json!({"emptyDir": {}})),
        ),
        (
            "Tokens",
            volume(json!({"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}})),
            "volumes[0].projected.sources[0].serviceAccountToken",
            volume(json!({"projected": {"sources": []}})),
        ),
        (
            "Tokens",
            json!({"automountServiceAccountToken": true}),
            "automountServiceAccountToken",
            json!({"automountServiceAccountToken": false}),
        ),
        (
            "Tokens, unsaid",
            json!({"automountServiceAccountToken": null}),
            "automountServiceAccountToken",
            json!({"enableServiceLinks": true}),
        ),
        (
            "Service accounts",
            json!({"serviceAccountName": "admin"}),
            "serviceAccountName",
            json!({"serviceAccountName": "default"}),
        ),
        (
            "Service accounts, by the old name",
            json!({"serviceAccount": "admin"}),
            "serviceAccount",
            json!({"serviceAccount": "default"}),
        ),
        (
            "Pull secrets",
            json!({"imagePullSecrets": [{"name": "team"}]}),
            "imagePullSecrets[0].name",
            json!({"imagePullSecrets": []}),
        ),
        (
            "Scheduling",
            json!({"nodeName": "control-plane"}),
            "nodeName",
            json!({"nodeSelector": {"disk": "ssd"}}),
        ),
        (
            "Scheduling",
            json!({"nodeSelector": {"kubernetes.io/hostname": "a"}}),
            "nodeSelector.kubernetes.io/hostname",
            json!({"nodeSelector": {"disk": "ssd"}}),
        ),
        (
            "Scheduling",
            node_affinity("kubernetes.io/hostname"),
            "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]\
             .matchExpressions[0].key",
            node_affinity("disk"),
        ),
        (
            "Scheduling",
            json!({"schedulerName": "mine"}),
            "schedulerName",
            json!({"schedulerName": "default-scheduler"}),
        ),
        (
            "Scheduling",
            json!({"schedulingGates": [{"name": "a"}]}),
            "schedulingGates",
            json!({"dnsPolicy": "Default"}),
        ),
        (
            "Scheduling",
            json!({"tolerations": [{"operator": "Exists"}]}),
            "tolerations[0]",
            json!({"tolerations": [{"key": "gpu", "operator": "Exists"}]}),
        ),
        (
            "Scheduling",
            json!({"tolerations": [{"key": "a"}, {"key": "node-role.kubernetes.io/control-plane"}]}),
            "tolerations[1]",
            json!({"tolerations": [{"key": "example.com/gpu"}]}),
        ),
        (
            "Priority",
            json!({"priorityClassName": "system-node-critical"}),
            "priorityClassName",
            json!({"preemptionPolicy": "Never"}),
        ),
        (
            "Priority",
            json!({"priority": 1_000_000}),
            "priority",
            json!({"preemptionPolicy": "Never"}),
        ),
        (
            "Runtimes",
            json!({"runtimeClassName": "runc"}),
            "runtimeClassName",
            json!({"shareProcessNamespace": true}),
        ),
        (
            "Runtimes",
            json!({"overhead": {"cpu": 1}}),
            "overhead",
            json!({"os": {"name": "linux"}}),
        ),
        (
            "Runtimes",
            json!({"os": {"name": "windows"}}),
            "os.name",
            json!({"os": {"name": "linux"}}),
        ),
        (
            "Devices by claim",
            json!({"resourceClaims": [{"name": "a"}]}),
            "resourceClaims",
            json!({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}]}),
        ),
    ] {
        let field = denied(&policy, template(wrong));
        let expected = format!("podTemplate.spec.{path}");
        assert_eq!(field, Some(expected), "{control}");
        assert_eq!(denied(&policy, template(right)), None, "{control}");
    }
}

#[test]
fn labels_and_annotations_of_reserved_domains_are_not_for_users() {
    for (kind, name, value, is_allowed) in [
        ("labels", "team", "a", true),
        ("labels", "example.com/team", "a", true),
        ("labels", "app.kubernetes.io/part-of", "a", true),
        ("labels", "kueue.x-k8s.io/queue-name", "a", true),
        ("labels", "noetl.io/other", "a", false),
        (
            "labels",
            "pod-security.kubernetes.io/enforce",
            "privileged",
            false,
        ),
        ("labels", "batch.kubernetes.io/controller-uid", "a", false),
        ("labels", "x.k8s.io/a", "a", false),
        ("labels", "notk8s.io/a", "a", true),
        ("annotations", "sidecar.istio.io/inject", "false", true),
        (
            "annotations",
            "scheduler.alpha.kubernetes.io/node-selector",
            "a",
            false,
        ),
        (
            "annotations",
            "container.apparmor.security.beta.kubernetes.io/script",
            "unconfined",
            false,
        ),
        (
            "annotations",
            "container.apparmor.security.beta.kubernetes.io/script",
            "runtime/default",
            true,
        ),
        (
            "annotations",
            "seccomp.security.alpha.kubernetes.io/pod",
            "unconfined",
            false,
        ),
        (
            "annotations",
            "seccomp.security.alpha.kubernetes.io/pod",
            "localhost/a.json",
            true,
        ),
    ] {
        let options = json!({"podTemplate": {"metadata": {kind: {name: value}}}});
        let expected = format!("podTemplate.metadata.{kind}.{name}");
        let expected = Some(expected).filter(|_| !is_allowed);
        assert_eq!(
            denied(&Policy::default(), options),
            expected,
            "{name}: {value}"
        );
    }
    let mut request = full();
    request.labels.insert("x.k8s.io/a".into(), "a".into());
    let error = Manifest::new(&request, &ManifestSettings::default()).unwrap_err();
    assert_eq!(
        error.explanation.field_text().as_deref(),
        Some("labels.x.k8s.io/a")
    );
    assert!(
        !error.explanation.message.contains("nor is"),
        "said twice: {error}"
    );
}

#[test]
fn a_field_is_named_as_it_was_written() {
    let policy = images(&["python:3.*"]);
    for (options, field) in [
        (json!({"namespace": "kube-system"}), "namespace"),
        (json!({"image": "python"}), "image"),
        (json!({"serviceAccountName": "admin"}), "serviceAccountName"),
        (json!({"priorityClassName": "high"}), "priorityClassName"),
        (json!({"runtimeClassName": "x"}), "runtimeClassName"),
        (json!({"imagePullSecrets": ["a"]}), "imagePullSecrets[0]"),
        (
            json!({"tolerations": [{"key": "a"}, {"operator": "Exists"}]}),
            "tolerations[1]",
        ),
        (
            json!({"securityContext": {"privileged": true}}),
            "securityContext.privileged",
        ),
        (
            json!({"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}),
            "securityContext.capabilities.add[0]",
        ),
        (
            json!({"securityContext": {"allowPrivilegeEscalation": true}}),
            "securityContext.allowPrivilegeEscalation",
        ),
        (
            json!({"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}),
            "volumes[1].hostPath.path",
        ),
        // Part of it is in either place.
        (
            json!({
                "volumes": [{"name": "a"}],
                "podTemplate": {"spec": {"volumes": [
                    {"name": "b", "emptyDir": {}}, {"name": "a", "hostPath": {"path": "/"}}
                ]}},
            }),
            "podTemplate.spec.volumes[1].hostPath.path",
        ),
        (
            json!({"podTemplate": {"spec": {"containers": [
                {"name": "other", "image": "python:3.1", "securityContext": {
                    "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}
                }},
                {"name": "script", "image": "evil"},
            ]}}}),
            "podTemplate.spec.containers[1].image",
        ),
        (
            json!({"podTemplate": {"spec": {"containers": [{"name": "script", "securityContext": {
                "allowPrivilegeEscalation": null
            }}]}}}),
            "podTemplate.spec.containers[0].securityContext.allowPrivilegeEscalation",
        ),
        // Something that is removed is named by what removes it.
        (
            json!({"podTemplate": {"spec": {"containers": [{"name": "script", "securityContext": null}]}}}),
            "podTemplate.spec.containers[0].securityContext",
        ),
        (
            json!({"podTemplate": {"spec": {"containers": [
                {"name": "script", "securityContext": {"$patch": "replace", "runAsUser": 1}}
            ]}}}),
            "podTemplate.spec.containers[0].securityContext",
        ),
        (
            json!({"podTemplate": {"spec": {"volumes": [
                {"name": "a", "$patch": "replace", "hostPath": {"path": "/"}}
            ]}}}),
            "podTemplate.spec.volumes[0].hostPath.path",
        ),
    ] {
        let seen = denied(&policy, options.clone());
        assert_eq!(seen.as_deref(), Some(field), "{options}");
    }
}

#[test]
fn a_missing_field_is_named_by_its_option() {
    let policy = policy(|policy| policy.run_as_root = false);
    let field = denied(&policy, json!({}));
    assert_eq!(field.as_deref(), Some("securityContext.runAsNonRoot"));
}

#[test]
fn the_message_has_every_field_and_the_hint_every_line() {
    let options = json!({
        "namespace": "kube-system",
        "securityContext": {"privileged": true},
        "podTemplate": {"spec": {"hostPID": true, "nodeName": "a"}},
    });
    let error = under(&Policy::default(), options).unwrap_err();
    assert_eq!(
        error.explanation.message,
        "`namespace` is not allowed by the policy of this host: the namespace `kube-system` is not one of those \
         that are allowed; nor are `securityContext.privileged`, `podTemplate.spec.hostPID`, \
         `podTemplate.spec.nodeName` and `securityContext`"
    );
    assert_eq!(
        error.explanation.hint_text().as_deref(),
        Some(
            "remove it, or ask for this in the host's `policy.yaml`:\n\nkubernetes:\n  \
             namespaces: [\"kube-system\"]\n  privileged: true\n  host-namespaces: [pid]\n  \
             fields: [spec.nodeName]\n  pod-security: baseline"
        )
    );
}

#[test]
fn each_setting_widens_what_it_is_about() {
    let patterns = |texts: &[&str]| -> Vec<crate::Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    };
    let pod = |spec: Value| template(spec);
    let volume = |source: Value| {
        let mut volume = json!({"name": "a"});
        merge::merge(&mut volume, &source, &FieldPath::default()).unwrap();
        template(json!({"volumes": [volume]}))
    };
    let digest = format!("python@sha256:{}", "0".repeat(64));
    for (policy, allowed, denies) in [
        (
            policy(|policy| policy.namespaces = Some(patterns(&["etl-*"]))),
            json!({"namespace": "etl-a"}),
            json!({"namespace": "noetl"}),
        ),
        (
            policy(|policy| policy.require_digests = true),
            json!({"image": digest}),
            json!({"image": "python:3.11"}),
        ),
        (
            policy(|policy| policy.service_accounts = patterns(&["reader"])),
            json!({"serviceAccountName": "reader"}),
            json!({"serviceAccountName": "writer"}),
        ),
        (
            policy(|policy| policy.service_account_tokens = true),
            pod(json!({"automountServiceAccountToken": true})),
            pod(json!({"serviceAccountName": "writer"})),
        ),
        (
            policy(|policy| policy.image_pull_secrets = patterns(&["team"])),
            json!({"imagePullSecrets": ["team"]}),
            json!({"imagePullSecrets": ["other"]}),
        ),
        (
            policy(|policy| policy.secrets = patterns(&["tls-*"])),
            volume(json!({"secret": {"secretName": "tls-a"}})),
            volume(json!({"secret": {"secretName": "db"}})),
        ),
        (
            policy(|policy| policy.config_maps = patterns(&["settings"])),
            volume(json!({"configMap": {"name": "settings"}})),
            volume(json!({"configMap": {"name": "other"}})),
        ),
        (
            policy(|policy| policy.persistent_volume_claims = patterns(&["data"])),
            volume(json!({"persistentVolumeClaim": {"claimName": "data"}})),
            volume(json!({"persistentVolumeClaim": {"claimName": "other"}})),
        ),
        (
            policy(|policy| policy.host_paths = vec!["/mnt/data".to_owned()]),
            volume(json!({"hostPath": {"path": "/mnt/data/a"}})),
            volume(json!({"hostPath": {"path": "/mnt/data/../../etc"}})),
        ),
        (
            policy(|policy| policy.host_paths = vec!["/mnt/data/".to_owned()]),
            volume(json!({"hostPath": {"path": "/mnt//data"}})),
            volume(json!({"hostPath": {"path": "/mnt/data-2"}})),
        ),
        (
            policy(|policy| policy.volumes = ["nfs".to_owned()].into()),
            volume(json!({"nfs": {"server": "a", "path": "/"}})),
            volume(json!({"csi": {"driver": "a"}})),
        ),
        (
            policy(|policy| policy.capabilities = patterns(&["NET_RAW"])),
            json!({"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}),
            json!({"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}),
        ),
        (
            policy(|policy| policy.run_as_root = false),
            json!({"securityContext": {"runAsNonRoot": true}}),
            json!({}),
        ),
        (
            policy(|policy| policy.run_as_root = false),
            pod(json!({"securityContext": {"runAsNonRoot": true, "runAsUser": 1000}})),
            pod(json!({"securityContext": {"runAsNonRoot": true, "runAsUser": 0}})),
        ),
        (
            policy(|policy| policy.run_as_root = false),
            pod(json!({"securityContext": {"runAsNonRoot": true}})),
            json!({
                "securityContext": {"runAsNonRoot": false},
                "podTemplate": {"spec": {"securityContext": {"runAsNonRoot": true}}},
            }),
        ),
        (
            policy(|policy| policy.privileged = true),
            json!({"securityContext": {"privileged": true}}),
            json!({"securityContext": {"allowPrivilegeEscalation": true}}),
        ),
        (
            policy(|policy| policy.host_ports = true),
            pod(
                json!({"containers": [{"name": "script", "ports": [{"containerPort": 1, "hostPort": 1}]}]}),
            ),
            pod(json!({"hostNetwork": true})),
        ),
        (
            policy(|policy| policy.sysctls = patterns(&["net.core.*"])),
            pod(
                json!({"securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}}),
            ),
            pod(json!({"securityContext": {"sysctls": [{"name": "kernel.sem", "value": "1"}]}})),
        ),
        (
            policy(|policy| policy.runtime_classes = patterns(&["gvisor"])),
            json!({"runtimeClassName": "gvisor"}),
            json!({"runtimeClassName": "runc"}),
        ),
        (
            policy(|policy| policy.priority_classes = patterns(&["low"])),
            json!({"priorityClassName": "low"}),
            json!({"priorityClassName": "high"}),
        ),
        (
            policy(|policy| policy.schedulers = patterns(&["batch"])),
            pod(json!({"schedulerName": "batch"})),
            pod(json!({"schedulerName": "other"})),
        ),
        (
            policy(|policy| policy.tolerations = patterns(&["*"])),
            json!({"tolerations": [{"operator": "Exists"}]}),
            pod(json!({"nodeName": "a"})),
        ),
        (
            policy(|policy| policy.labels = patterns(&["x.k8s.io/*"])),
            json!({"podTemplate": {"metadata": {"labels": {"x.k8s.io/a": "b"}}}}),
            json!({"podTemplate": {"metadata": {"annotations": {"x.k8s.io/a": "b"}}}}),
        ),
        (
            policy(|policy| policy.fields = vec!["spec.nodeName".to_owned()]),
            pod(json!({"nodeName": "a"})),
            pod(json!({"priority": 1})),
        ),
        (
            policy(|policy| {
                policy.fields = vec!["spec.containers.securityContext.seLinuxOptions".to_owned()];
            }),
            json!({"securityContext": {"seLinuxOptions": {"user": "a", "type": "spc_t"}}}),
            pod(json!({"securityContext": {"seLinuxOptions": {"user": "a"}}})),
        ),
        (
            baseline(),
            pod(
                json!({"containers": [{"name": "script", "securityContext": {
                    "allowPrivilegeEscalation": true, "capabilities": {"$patch": "replace", "add": ["CHOWN"]},
                }}]}),
            ),
            json!({"securityContext": {"capabilities": {"add": ["NET_RAW"]}}}),
        ),
        (
            baseline(),
            pod(json!({"securityContext": null})),
            pod(json!({"hostIPC": true})),
        ),
        (
            policy(|policy| policy.pod_security = PodSecurity::Privileged),
            json!({
                "securityContext": {"privileged": true, "procMount": "Unmasked"},
                "podTemplate": {"spec": {"hostNetwork": true, "hostPID": true, "hostIPC": true}},
            }),
            pod(json!({"volumes": [{"name": "a", "secret": {"secretName": "db"}}]})),
        ),
    ] {
        assert_eq!(denied(&policy, allowed.clone()), None, "{allowed}");
        assert!(denied(&policy, denies.clone()).is_some(), "{denies}");
    }
}

#[test]
fn an_invalid_job_is_refused_by_an_open_policy_too() {
    for (metadata, field) in [
        (json!({"finalizers": ["a/b"]}), "finalizers"),
        (
            json!({"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "a", "uid": "b"}]}),
            "ownerReferences",
        ),
    ] {
        let options = json!({"podTemplate": {"metadata": metadata}});
        let error = under(&Policy::open(), options).unwrap_err();
        assert_eq!(error.explanation.reason, Reason::InvalidRequest);
        let expected = format!("podTemplate.metadata.{field}");
        assert_eq!(error.explanation.field_text(), Some(expected));
    }
    let open = template(json!({
        "hostNetwork": true, "nodeName": "a", "volumes": [{"name": "a", "hostPath": {"path": "/"}}],
    }));
    assert_eq!(denied(&Policy::open(), open), None);
}

/// A field that the types of Kubernetes contain and no rule names is denied, and so is one that a later version adds.
#[test]
fn a_field_that_no_rule_names_is_denied() {
    let policy = Policy::default();
    for spec in [
        json!({"readinessGates": [{"conditionType": "a"}]}),
        json!({"overhead": {"cpu": "1"}}),
        json!({"securityContext": {"windowsOptions": {"gmsaCredentialSpec": "a"}}}),
        json!({"resources": {"claims": [{"name": "a"}]}}),
    ] {
        let error = under(&policy, template(spec.clone())).unwrap_err();
        assert!(
            error
                .explanation
                .hint_text()
                .unwrap()
                .contains("fields: [spec."),
            "{spec}"
        );
    }
}
