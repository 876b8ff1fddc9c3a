locals {
  tags = { Project = var.name }

  public_domain   = var.public_domain != "" ? var.public_domain : local.topology_public_domain
  public_aliases  = var.public_aliases != null ? var.public_aliases : local.topology_public_aliases
  internal_domain = var.internal_domain != "" ? var.internal_domain : local.topology_internal_domain

  public_domains = concat([local.public_domain], local.public_aliases)
  # Every name below a public domain enters by the gateway; which of them lead anywhere its table says.
  public_hosts   = [for domain in local.public_domains : "*.${domain}"]
  internal_hosts = ["*.${local.internal_domain}"]

  zones = slice(data.aws_availability_zones.all.names, 0, 3)

  middleware = {
    for id, one in local.topology_middleware :
    id => merge(one, { host = "${one.label}.${local.internal_domain}" })
  }
  databases = { for id, one in local.middleware : id => one if one.kind == "sql" }
  caches    = { for id, one in local.middleware : id => one if one.kind == "redis" }
  brokers   = { for id, one in local.middleware : id => one if one.kind == "kafka" && !one.self_managed }
  own_brokers = {
    for id, one in local.middleware : id => one if one.kind == "kafka" && one.self_managed
  }
  registries = { for id, one in local.middleware : id => one if one.kind == "etcd" }

  # Three hosts of each, one a zone: "kafkanew-0" and so on.
  own_broker_hosts = merge([
    for id, one in local.own_brokers : {
      for index in range(3) : "${id}-${index}" => merge(one, { id = id, index = index })
    }
  ]...)
  registry_hosts = merge([
    for id, one in local.registries : {
      for index in range(3) : "${id}-${index}" => merge(one, { id = id, index = index })
    }
  ]...)
}

data "aws_availability_zones" "all" {
  state = "available"
}
