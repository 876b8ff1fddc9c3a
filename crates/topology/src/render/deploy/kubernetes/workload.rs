//! What runs a service: a Deployment, a StatefulSet where it keeps something, a CronJob where it is a job.

use serde_json::{Value, json};

use super::{labels, object, pod, selector};
use crate::{
    model::{Kind, Service},
    render::View,
};

pub(super) fn document(view: View<'_>, service: &Service) -> Value {
    let template = json!({ "metadata": { "labels": labels(&service.name) }, "spec": pod::spec(view, service) });
    match (service.kind, &service.keeps) {
        (Kind::Job, _) => cron_job(service, template),
        (Kind::Service, Some(keeps)) => stateful_set(service, keeps, template),
        (Kind::Service, None) => deployment(service, template),
    }
}

fn deployment(service: &Service, template: Value) -> Value {
    let spec = json!({
        "replicas": 1,
        "revisionHistoryLimit": 5,
        "selector": { "matchLabels": selector(&service.name) },
        "strategy": strategy(service.scales),
        "template": template,
    });
    let mut document = object("apps/v1", "Deployment", &service.namespace, &service.name, json!({ "spec": spec }));
    if service.scales {
        // Overlays say by it how many there are.
        document["metadata"]["labels"]["allin.dev/scales"] = "true".into();
    }
    document
}

/// What scales is never away during an upgrade; of what does not, the old one ends before the new one begins.
pub(super) fn strategy(scales: bool) -> Value {
    match scales {
        true => json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } }),
        false => json!({ "type": "Recreate" }),
    }
}

fn stateful_set(service: &Service, keeps: &str, template: Value) -> Value {
    let claim = json!({
        "metadata": { "name": pod::DATA_VOLUME, "annotations": { "allin.dev/keeps": keeps } },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": storage(service) } } },
    });
    let spec = json!({
        "replicas": 1,
        "revisionHistoryLimit": 5,
        "serviceName": service.name,
        "podManagementPolicy": "OrderedReady",
        "updateStrategy": { "type": "RollingUpdate" },
        // What is kept outlives whatever is done to the set.
        "persistentVolumeClaimRetentionPolicy": { "whenDeleted": "Retain", "whenScaled": "Retain" },
        "selector": { "matchLabels": selector(&service.name) },
        "template": template,
        "volumeClaimTemplates": [claim],
    });
    object("apps/v1", "StatefulSet", &service.namespace, &service.name, json!({ "spec": spec }))
}

fn cron_job(service: &Service, template: Value) -> Value {
    let spec = json!({
        "schedule": service.schedule,
        "timeZone": "Etc/UTC",
        // A job can be run again for any day, but not beside itself.
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 5,
        "jobTemplate": { "spec": { "backoffLimit": 3, "activeDeadlineSeconds": 7200, "template": template } },
    });
    object("batch/v1", "CronJob", &service.namespace, &service.name, json!({ "spec": spec }))
}

fn storage(service: &Service) -> &'static str {
    if pod::is_engine(service) { "200Gi" } else { "20Gi" }
}
