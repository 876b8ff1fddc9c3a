# Kafka of spot is Amazon's, that of futures runs on hosts of ours. Both keep every record on three brokers and take a record
# once two of them have it: the operation log depends on that.

resource "aws_msk_configuration" "main" {
  for_each = local.brokers

  name              = "${var.name}-${each.key}"
  kafka_versions    = ["3.8.x"]
  server_properties = <<-EOT
    auto.create.topics.enable=false
    default.replication.factor=3
    min.insync.replicas=2
    unclean.leader.election.enable=false
  EOT
}

resource "aws_msk_cluster" "main" {
  for_each = local.brokers

  cluster_name           = "${var.name}-${each.key}"
  kafka_version          = "3.8.x"
  number_of_broker_nodes = length(local.zones)

  broker_node_group_info {
    instance_type   = "kafka.${var.broker_type}"
    client_subnets  = aws_subnet.private[*].id
    security_groups = [aws_security_group.middleware[each.key].id]

    storage_info {
      ebs_storage_info {
        volume_size = var.broker_disk_gib
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.main[each.key].arn
    revision = aws_msk_configuration.main[each.key].latest_revision
  }

  # Clients come to port 9092 of the private network.
  encryption_info {
    encryption_in_transit {
      client_broker = "TLS_PLAINTEXT"
      in_cluster    = true
    }
  }
}
