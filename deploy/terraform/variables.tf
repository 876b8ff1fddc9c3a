variable "name" {
  description = "Begins the names of what is made."
  type        = string
  default     = "allin"
}

variable "region" {
  description = "Where it runs."
  type        = string
  default     = "ap-southeast-1"
}

variable "public_domain" {
  description = "Where users come in; empty for topology.yaml's."
  type        = string
  default     = ""
}

variable "public_aliases" {
  description = "Further public domains with the same meaning; null for topology.yaml's."
  type        = list(string)
  default     = null
}

variable "internal_domain" {
  description = "Where operators and services come in; empty for topology.yaml's. It exists in the network only."
  type        = string
  default     = ""
}

variable "network" {
  description = "The private network. The cluster's policies let middleware be reached in 10.0.0.0/8."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrhost(var.network, 0)) && startswith(var.network, "10.")
    error_message = "Must be a network within 10.0.0.0/8."
  }
}

variable "operator_networks" {
  description = "Networks of operators, by VPN or peering: they reach the internal balancer and the ports of the nodes."
  type        = list(string)
  default     = []
}

variable "kubernetes_version" {
  description = "Version of the cluster; the manifests are validated against 1.32 and later."
  type        = string
  default     = "1.33"
}

variable "node_types" {
  description = "Instance types of the general nodes."
  type        = list(string)
  default     = ["m7i.xlarge"]
}

variable "node_count" {
  description = "How many general nodes there are, at least and at most."
  type        = object({ min = number, max = number })
  default     = { min = 3, max = 9 }
}

variable "database_class" {
  description = "Instance class of the Aurora clusters."
  type        = string
  default     = "db.r7g.large"
}

variable "cache_type" {
  description = "Node type of the caches."
  type        = string
  default     = "cache.r7g.large"
}

variable "broker_type" {
  description = "Instance type of the Kafka brokers, without the prefix of MSK."
  type        = string
  default     = "m7g.large"
}

variable "broker_disk_gib" {
  description = "Disk of a Kafka broker."
  type        = number
  default     = 500
}

variable "registry_type" {
  description = "Instance type of the etcd hosts."
  type        = string
  default     = "c7g.large"
}
