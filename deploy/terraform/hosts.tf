# Hosts of ours: brokers of kafkanew, members of etcdnew. Each has an address and a disk that outlive its instance.

data "aws_ssm_parameter" "image" {
  for_each = toset(["arm64", "x86_64"])

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${each.value}"
}

data "aws_ec2_instance_type" "host" {
  for_each = toset([var.broker_type, var.registry_type])

  instance_type = each.value
}

resource "random_uuid" "kafka" {
  for_each = local.own_brokers
}

locals {
  hosts = merge(
    { for name, one in local.own_broker_hosts : name => merge(one, {
      type = var.broker_type
      disk = var.broker_disk_gib
    }) },
    { for name, one in local.registry_hosts : name => merge(one, {
      type = var.registry_type
      disk = 20
    }) },
  )

  # How the members of each find each other.
  quorum = {
    for id, one in local.own_brokers :
    id => join(",", [for index in range(3) : "${index}@${id}-${index}.${local.internal_domain}:9093"])
  }
  members = {
    for id, one in local.registries :
    id => join(",", [for index in range(3) : "${id}-${index}=http://${id}-${index}.${local.internal_domain}:2380"])
  }
}

resource "aws_network_interface" "host" {
  for_each = local.hosts

  subnet_id       = aws_subnet.private[each.value.index].id
  security_groups = [aws_security_group.middleware[each.value.id].id]

  tags = { Name = each.key }
}

resource "aws_ebs_volume" "host" {
  for_each = local.hosts

  availability_zone = local.zones[each.value.index]
  type              = "gp3"
  size              = each.value.disk
  encrypted         = true

  tags = { Name = each.key }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_instance" "host" {
  for_each = local.hosts

  ami = data.aws_ssm_parameter.image[
    contains(data.aws_ec2_instance_type.host[each.value.type].supported_architectures, "arm64") ? "arm64" : "x86_64"
  ].insecure_value
  instance_type           = each.value.type
  disable_api_termination = true

  user_data = each.value.kind == "kafka" ? templatefile("${path.module}/hosts/kafka.yaml.tftpl", {
    name    = each.key
    index   = each.value.index
    host    = "${each.key}.${local.internal_domain}"
    port    = each.value.port
    quorum  = local.quorum[each.value.id]
    cluster = "${substr(replace(random_uuid.kafka[each.value.id].result, "-", ""), 0, 21)}A"
    }) : templatefile("${path.module}/hosts/etcd.yaml.tftpl", {
    name    = each.key
    host    = "${each.key}.${local.internal_domain}"
    port    = each.value.port
    members = local.members[each.value.id]
    cluster = each.value.id
  })

  primary_network_interface {
    network_interface_id = aws_network_interface.host[each.key].id
  }

  metadata_options {
    http_tokens = "required"
  }

  root_block_device {
    encrypted   = true
    volume_type = "gp3"
  }

  tags = { Name = each.key }

  # A newer image is taken on purpose, host by host.
  lifecycle {
    ignore_changes = [ami]
  }
}

resource "aws_volume_attachment" "host" {
  for_each = local.hosts

  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.host[each.key].id
  instance_id = aws_instance.host[each.key].id
}
